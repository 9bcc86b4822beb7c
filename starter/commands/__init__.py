"""One file a command; importing this registers them all."""

from starter.commands import (
    check,
    demo,
    dev,
    explain,
    fast_forward,
    gateway,
    keys,
    migrate,
    outbox,
    publish,
    quarantine,
    replay,
    runs,
    start,
)

__all__ = [
    "check",
    "demo",
    "dev",
    "explain",
    "fast_forward",
    "gateway",
    "keys",
    "migrate",
    "outbox",
    "publish",
    "quarantine",
    "replay",
    "runs",
    "start",
]
