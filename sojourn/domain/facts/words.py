"""Words that facts and findings share: spans, comparisons."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

TIMES: Mapping[str, str] = MappingProxyType(
    {
        ">=": "at least",
        ">": "more than",
        "<=": "at most",
        "<": "fewer than",
        "==": "exactly",
        "!=": "not",
    }
)
"""A comparison of counts in words."""
LONG: Mapping[str, str] = MappingProxyType({**TIMES, "<": "less than"})
"""A comparison of spans in words."""


def span(duration: timedelta) -> str:
    """Say how long, in the largest fitting unit, rounded down: ``90 days``, ``36 h``, ``5 min``."""
    seconds = int(duration.total_seconds())
    hours = seconds // 3600
    if hours >= 48 or (hours and seconds % 86_400 == 0):
        days = hours // 24
        return f"{days} day" if days == 1 else f"{days} days"
    if hours:
        return f"{hours} h"
    return f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"
