"""One file a command; importing this registers them all."""

from sojourn.cli.commands import (
    channels,
    check,
    demo,
    dev,
    explain,
    fast_forward,
    gateway,
    keys,
    ledger,
    migrate,
    outbox,
    publish,
    quarantine,
    replay,
    runs,
    start,
)

__all__ = [
    "channels",
    "check",
    "demo",
    "dev",
    "explain",
    "fast_forward",
    "gateway",
    "keys",
    "ledger",
    "migrate",
    "outbox",
    "publish",
    "quarantine",
    "replay",
    "runs",
    "start",
]
