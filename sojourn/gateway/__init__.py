"""The gateway: HTTP for services that send events, for shops, providers and customers."""
