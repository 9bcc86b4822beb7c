"""Our audiences: each is a named question about all customers."""
