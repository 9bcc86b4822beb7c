"""Names of time zones as systems write them: IANA's, Windows' and plain offsets from UTC."""

import re
from functools import lru_cache
from zoneinfo import available_timezones

from babel.core import get_global

from sojourn.domain.calendar import zone
from sojourn.domain.errors import UnknownZone

NAMES = frozenset(available_timezones())
"""The IANA names."""

_OFFSET = re.compile(
    r"(?:UTC|GMT|Z)?\s*(?P<sign>[+\-\u2212])\s*(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?",
    re.IGNORECASE | re.ASCII,
)
_WEST, _EAST = 12, 14
"""The most hours by which IANA's zones lie west and east of UTC."""


def read_zone(written: str) -> str:
    """Return the IANA name of a time zone.

    Args:
        written: ``Europe/Rome``, ``W. Europe Standard Time`` (Windows, by Unicode's CLDR),
            ``UTC+2`` or ``+02:00``. An offset knows no summer time, and the zone has none.

    Raises:
        UnknownZone: it names no zone. An offset of half an hour has no zone of its own.
    """
    try:
        return zone(written).key
    except UnknownZone as error:
        unknown = error
    windows = get_global("windows_zone_mapping")
    if (found := windows.get(written) or _by_small_letters().get(_plain(written))) is not None:
        return found
    if written.upper() == "Z":
        return "UTC"
    if offset := _OFFSET.fullmatch(written):
        return _fixed(written, offset)
    raise unknown


def _fixed(written: str, offset: re.Match[str]) -> str:
    hours, minutes = int(offset["hours"]), int(offset["minutes"] or 0)
    east = offset["sign"] == "+"
    if minutes or hours > (_EAST if east else _WEST):
        raise UnknownZone(
            f'no time zone has the fixed offset "{written}": use an IANA name such as Asia/Kolkata'
        )
    if not hours:
        return "UTC"
    # POSIX counts westward: Etc/GMT-2 is two hours ahead of UTC
    return f"Etc/GMT{'-' if east else '+'}{hours}"


def _plain(name: str) -> str:
    return name.replace(" ", "_").lower()


@lru_cache(maxsize=1)
def _by_small_letters() -> dict[str, str]:
    """Return every name in small letters: some systems capitalise ids, or write spaces."""
    windows = get_global("windows_zone_mapping")
    return {
        **{_plain(name): meant for name, meant in windows.items()},
        **{_plain(name): name for name in NAMES},
    }
