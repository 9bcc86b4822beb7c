"""Any other system, by a TOML file that says which of its requests is which event."""
