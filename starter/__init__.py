"""Scripts that start things: journeys for many customers at once."""
