"""The tables of measurement: marks, conversions and rollups."""
