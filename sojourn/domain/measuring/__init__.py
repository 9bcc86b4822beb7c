"""Measuring: what a message counts, and which messages an order is owed to. Values alone."""
