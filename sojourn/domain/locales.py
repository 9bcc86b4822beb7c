"""Which languages to try for a customer, best first."""

import re

LAST_RESORT = "en"

_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(?:[-_](?P<script>[a-z]{4}))?(?:[-_](?P<region>[a-z]{2}|\d{3}))?"
    r"(?:[-_.@].*)?",
    re.IGNORECASE,
)


def fallbacks(locale: str, default: str = "") -> tuple[str, ...]:
    """The locales to look for, in order: ``pl-PL``, ``pl``, then ``default``'s, then ``en``.

    Args:
        locale: as the customer's profile gives it: ``pl-PL``, ``pl_PL``, ``PL``, or anything at
            all; what is no language tag is passed over.
        default: the installation's.
    """
    tried: dict[str, None] = {}  # a set that keeps its order
    for tag in (locale, default, LAST_RESORT):
        found = _TAG.fullmatch(tag.strip())
        if found is None:
            continue
        parts = [found["language"].lower()]
        if found["script"]:
            parts.append(found["script"].title())
        if found["region"]:
            parts.append(found["region"].upper())
        while parts:
            tried["-".join(parts)] = None
            parts.pop()
    return tuple(tried)


def language(locale: str) -> str:
    """``pl`` of ``pl-PL``."""
    return locale.partition("-")[0]


def region(locale: str) -> str:
    """``PL`` of ``pl-PL``; empty if the locale names none: Swedish, ``sv``, is not El Salvador."""
    found = _TAG.fullmatch(locale.strip())
    return (found["region"] or "").upper() if found else ""
