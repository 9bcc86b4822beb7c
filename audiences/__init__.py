"""Audiences: each is a named question about all customers."""
