"""Exporting: what happened, for a warehouse: changes in their order, rows in their newest state."""
