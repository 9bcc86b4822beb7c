"""Our journeys: one file each, found by its presence."""
