"""The shop's journeys: one file each, which nothing registers."""
