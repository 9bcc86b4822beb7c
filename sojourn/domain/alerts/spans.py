"""Spans: the hours that are looked at, and the same ones of the weeks before."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

WEEKS = 8
"""Weeks before that are compared with."""
_MOST_HOLIDAYS = 0.25
"""The part of a span that may be holidays before it is like no other."""
_STEP = timedelta(hours=1)


@dataclass(frozen=True)
class Window:
    """A time to look at.

    Args:
        words: for people: ``3 hours``.
        length: of it.
    """

    words: str
    length: timedelta


WINDOWS = (
    Window("3 hours", timedelta(hours=3)),
    Window("24 hours", timedelta(hours=24)),
    Window("7 days", timedelta(days=7)),
)
"""The short ones see at once that something busy has stopped, the long one sees what is rare."""


@dataclass(frozen=True)
class Span:
    """Whole hours, from the first moment to the one before which they end.

    Args:
        begin: the first moment.
        end: the moment before which it ends.
    """

    begin: datetime
    end: datetime


def spans(
    end: datetime, window: Window, tz: ZoneInfo, is_holiday: Callable[[date], bool]
) -> tuple[Span | None, tuple[Span, ...]]:
    """Return a window that ends at a moment, and the same ones of the weeks before.

    A day is compared with days of its own kind: the same hours by the clock on the wall, also where
    summer time has begun in between, and never with a holiday.

    Args:
        end: the end of the last whole hour.
        window: to look at.
        tz: of the installation.
        is_holiday: tells the days on which nothing is expected.

    Returns:
        The span, None if it is like no other; those before that count, the newest first.
    """
    local = end.astimezone(tz)
    now, *before = (
        _ending((local - timedelta(weeks=weeks)).astimezone(UTC), window.length)
        for weeks in range(WEEKS + 1)
    )
    kept = tuple(one for one in before if _is_usual(one, tz, is_holiday))
    return (now if _is_usual(now, tz, is_holiday) else None), kept


def _ending(at: datetime, length: timedelta) -> Span:
    whole = at.replace(minute=0, second=0, microsecond=0)
    return Span(whole - length, whole)


def _is_usual(span: Span, tz: ZoneInfo, is_holiday: Callable[[date], bool]) -> bool:
    days = [at.astimezone(tz).date() for at in _hours(span)]
    return sum(map(is_holiday, days)) < _MOST_HOLIDAYS * len(days)


def _hours(span: Span) -> Iterator[datetime]:
    at = span.begin
    while at < span.end:
        yield at
        at += _STEP
