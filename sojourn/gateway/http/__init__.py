"""The HTTP edge: bodies, limits, faults, metrics, health."""
