"""Activities of the example."""
