"""One file a command; importing this registers them all."""

from starter.commands import dev, explain, migrate, outbox, publish, replay, runs, start

__all__ = ["dev", "explain", "migrate", "outbox", "publish", "replay", "runs", "start"]
