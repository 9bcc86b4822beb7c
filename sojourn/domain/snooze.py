"""`Snooze`: a customer wants a break from promotional messages, until a moment."""

from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from sojourn.domain.calendar import DAY, local_day, moment
from sojourn.domain.until import Until

LENGTHS = (14, 30, 90)
"""Calendar days that customers are offered."""


@dataclass(frozen=True)
class Snooze(Until):
    """The break of one customer."""

    @property
    def words(self) -> str:
        """The words for what holds."""
        return "a break"


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
