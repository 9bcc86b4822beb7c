"""Locales, as profiles write them."""

import re
from functools import lru_cache

_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(?:[-_](?P<script>[a-z]{4}))?(?:[-_](?P<region>[a-z]{2}|\d{3}))?"
    r"(?:[-_.@].*)?",
    re.IGNORECASE,
)


@lru_cache(maxsize=1024)
def region(locale: str) -> str:
    """Return ``PL`` of ``pl-PL``; empty without one: Swedish, ``sv``, is not El Salvador."""
    found = _TAG.fullmatch(locale.strip())
    return (found["region"] or "").upper() if found else ""
