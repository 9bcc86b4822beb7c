"""One file a command; importing this registers them all."""

from starter.commands import dev, migrate, replay

__all__ = ["dev", "migrate", "replay"]
