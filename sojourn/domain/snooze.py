"""`Snooze`: a customer wants a break from promotional messages, until a moment."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sojourn.domain.calendar import DAY, local_day, moment
from sojourn.domain.week import second_of

LENGTHS = (14, 30, 90)
"""Calendar days that customers are offered."""
_ONE_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Snooze:
    """The break of one customer: it holds messages as quiet hours do (`domain.opening.Holder`).

    Args:
        until: its end, in UTC.
        tz: the customer's zone.
    """

    until: datetime
    tz: ZoneInfo

    @property
    def _end(self) -> datetime:
        """The end on the clock on the customer's wall, on a whole second: edges are seconds."""
        return (self.until + (_ONE_SECOND - timedelta(microseconds=1))).astimezone(self.tz)

    def holds(self, shown: datetime) -> str:
        """Return why a message is held at a local moment; empty if it is not."""
        return f"a break until {self._end:%Y-%m-%d %H:%M}" if shown < self.until else ""

    def closes(self, day: date) -> bool:
        """Tell whether it lasts to the end of a local day."""
        return moment(day + DAY, time(), self.tz) <= self.until

    def edges(self, day: date) -> Iterable[int]:
        """Yield the second of a local day at which it ends."""
        end = self._end
        return (second_of(end.time()),) if end.date() == day else ()


def snoozed_until(now: datetime, days: int, tz: ZoneInfo) -> datetime:
    """Return the end of a break that begins now: the beginning of a day of the customer.

    Args:
        now: any aware moment.
        days: calendar days; at least one.
        tz: the customer's zone.

    Returns:
        The end, in UTC.
    """
    return moment(local_day(now, tz) + days * DAY, time(), tz)
