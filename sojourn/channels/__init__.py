"""Who carries a message: one file a provider, behind the Protocol in `channels.provider`."""
