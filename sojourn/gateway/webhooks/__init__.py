"""Take webhooks of shops and of providers."""
