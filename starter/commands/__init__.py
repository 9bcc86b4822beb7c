"""One file a command; importing this registers them all."""

from starter.commands import dev, explain, migrate, outbox, publish, runs, start

__all__ = ["dev", "explain", "migrate", "outbox", "publish", "runs", "start"]
