"""Run the whole system on one machine."""
