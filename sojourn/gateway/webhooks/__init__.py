"""Webhooks: shops and other systems report on customers, providers on messages."""
