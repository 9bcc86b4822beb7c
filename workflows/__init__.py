"""The shop's journeys: one file each, found by its presence."""
