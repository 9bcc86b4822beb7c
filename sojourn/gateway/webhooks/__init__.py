"""Webhooks: shops and other systems tell of customers, providers tell of messages."""
