"""The next moment of some hours of the customer's week."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sojourn.domain.opening import Holder, Never, held
from sojourn.domain.public_holidays import read_place
from sojourn.domain.rules import Closed, Window
from sojourn.domain.week import read_week


def next_opening(hours: str, holidays: str, after: datetime, tz: ZoneInfo) -> datetime:
    """Return ``after`` if it lies in some hours, else the moment at which they begin next.

    Args:
        hours: ``mon-fri 09:00-18:00``.
        holidays: a country, or a region of it, on whose public holidays there are none; empty:
            holidays are days like others.
        after: any aware moment.
        tz: the customer's zone.

    Returns:
        The moment, in UTC.

    Raises:
        ValueError: the hours or the place cannot be read, or nothing opens within a year.
    """
    found = held(holders(hours, holidays, of="opening"), after, tz)
    if isinstance(found, Never):
        raise ValueError(f'opening: "{hours}" never comes within a year')
    return found.at if found else after.astimezone(UTC)


def holders(hours: str, holidays: str, *, of: str) -> list[Holder]:
    """Return the holders that keep messages within some hours of the week.

    Args:
        hours: ``mon-fri 09:00-18:00``.
        holidays: a country, or a region of it; empty: holidays are days like others.
        of: what the hours were given to, for the error.

    Returns:
        The holders.

    Raises:
        ValueError: the hours or the place cannot be read.
    """
    try:
        found: list[Holder] = [Window(read_week(hours))]
        if holidays:
            found.append(Closed(places=(read_place(holidays),)))
    except ValueError as error:
        raise ValueError(f"{of}: {error}") from None
    return found
