"""Providers that behave: small stateful servers that record what they truly accepted."""
