"""Suppositions about a customer: the stored history as it was, and with some facts changed."""
