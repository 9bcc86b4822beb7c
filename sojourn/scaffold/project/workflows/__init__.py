"""Our journeys: one file each, found automatically."""
