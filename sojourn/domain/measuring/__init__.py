"""Measuring: what a message counts as, and which messages an order is credited to. Pure values."""
