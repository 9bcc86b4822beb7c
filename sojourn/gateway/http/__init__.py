"""Serve HTTP: bodies, limits, faults and metrics."""
