"""One file a command; importing this registers them all."""

from starter.commands import check, demo, dev, fast_forward, migrate, replay

__all__ = ["check", "demo", "dev", "fast_forward", "migrate", "replay"]
