"""Locales, as profiles write them."""

import re

_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(?:[-_](?P<script>[a-z]{4}))?(?:[-_](?P<region>[a-z]{2}|\d{3}))?"
    r"(?:[-_.@].*)?",
    re.IGNORECASE,
)


def region(locale: str) -> str:
    """Return ``PL`` of ``pl-PL``; empty without one: Swedish, ``sv``, is not El Salvador."""
    found = _TAG.fullmatch(locale.strip())
    return (found["region"] or "").upper() if found else ""
