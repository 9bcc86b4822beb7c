"""Our audiences: each is a named query for customers."""
