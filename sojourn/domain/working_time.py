"""Spans that a calendar measures: a month, three business days, four hours of an office.

::

    await self.sleep(months(1))
    await self.sleep(business_days(3, holidays="IT"))
    await self.sleep(working(hours(4), "mon-fri 09:00-18:00", holidays="IT"))
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sojourn.domain.calendar import local_day, moment
from sojourn.domain.calendar_days import Day
from sojourn.domain.office_hours import holders, next_opening
from sojourn.domain.opening import closing
from sojourn.domain.span import days


@dataclass(frozen=True)
class WorkingTime:
    """A span of which only some hours of the customer's week count (`working`)."""

    duration: timedelta
    hours: str
    holidays: str = ""

    def __str__(self) -> str:
        return f"{self.duration} of {self.hours}"


LONGEST = days(366)
"""The most working time that a span may have."""

Span = timedelta | Day | WorkingTime
"""The span of a wait: a duration, a day by name, or working time."""


def working(duration: timedelta, hours: str, *, holidays: str = "") -> WorkingTime:
    """Return a span of which only some hours of the customer's week count.

    Four hours of ``"mon-fri 09:00-18:00"`` from Friday at 16:00 end on Monday at 11:00.

    Args:
        duration: of those hours.
        hours: ``"mon-fri 09:00-18:00"``, as in the project's policy.
        holidays: a country, or a region of it, on whose public holidays no hour counts: ``IT``,
            ``DE-BY``.

    Returns:
        The span, for `Journey.sleep` and the time-out of `Journey.wait_for`.

    Raises:
        ValueError: the hours or the place cannot be read, or the duration is not positive or longer
            than a year.
    """
    if not timedelta(0) < duration <= LONGEST:
        raise ValueError(f"working: {duration} of working time is not a wait: up to 366 days")
    holders(hours, holidays, of="working")
    return WorkingTime(duration, hours, holidays)


def later(span: Day | WorkingTime, after: datetime, tz: ZoneInfo) -> datetime:
    """Return the moment at which a span ends.

    Args:
        span: a day by name ends at the same time of that day; working time ends when so much of it
            has passed.
        after: its beginning, any aware moment.
        tz: the customer's zone.

    Returns:
        The moment, in UTC.

    Raises:
        ValueError: the hours never come within a year.
    """
    if not isinstance(span, WorkingTime):
        return moment(span(local_day(after, tz)), after.astimezone(tz).time(), tz)
    hold = holders(span.hours, span.holidays, of="working")
    at, left = after.astimezone(UTC), span.duration
    while True:
        at = next_opening(span.hours, span.holidays, at, tz)
        closed = closing(hold, at, tz, left)
        if closed - at >= left:
            return at + left
        at, left = closed, left - (closed - at)
