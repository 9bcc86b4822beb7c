"""Any other system, described by a TOML file that maps its requests to events."""
