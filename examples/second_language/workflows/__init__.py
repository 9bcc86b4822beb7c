"""Journeys of the example."""
