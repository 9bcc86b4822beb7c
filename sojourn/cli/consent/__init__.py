"""Consent by hand: imports with their mappings, and exports."""
