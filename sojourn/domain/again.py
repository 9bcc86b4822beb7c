"""Re-entry: whether a customer may enter a journey again, and when.

The rule counts runs by the day on which they began, in the customer's own calendar: a run that
began on Monday evening and one that would begin on Tuesday morning are a day apart, whatever the
hours between them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache

from sojourn.domain.calendar_days import Months
from sojourn.domain.value_class import value_class

_MOST = 3650


@value_class
class Begun:
    """A run that a customer has had, of the journey that an event would start.

    Args:
        key: its key; empty where the journey has none.
        at: when the event happened that began it.
    """

    key: str
    at: datetime


@dataclass(frozen=True)
class Again:
    """A rule of re-entry: the class keyword ``again=`` of a journey. See `ALWAYS`.

    Args:
        days: the calendar days that must pass since the last run began; 0: none.
        months: or the months.
        never: one run is all.
        of_key: only runs of the same key count.
    """

    days: int = 0
    months: int = 0
    never: bool = False
    of_key: bool = False

    @property
    def per_key(self) -> "Again":
        """The same rule for each key by itself: ``again=ONCE.per_key``."""
        return replace(self, of_key=True)

    @property
    def is_open(self) -> bool:
        """True if it keeps nobody out."""
        return not (self.days or self.months or self.never)

    def refuses(self, begun: Iterable[Begun], at: datetime, key: str, zone: tzinfo) -> str | None:
        """Say why a customer may not enter now.

        Args:
            begun: the runs that the customer has had of the journey.
            at: when the event happened that would start another one.
            key: of the run that it would start.
            zone: where the customer lives.

        Returns:
            The run that keeps the customer out, and the day on which that ends, in words; None if
            the customer may enter.
        """
        counted = [one for one in begun if not self.of_key or one.key == key]
        if self.is_open or not counted:
            return None
        last = max(one.at for one in counted).astimezone(zone).date()
        had = f"had a run that began on {_written(last)}"
        if self.never:
            return f"{had}; one is all" + (" for this key" if self.of_key else "")
        free = Months(self.months)(last) if self.months else last + timedelta(days=self.days)
        if at.astimezone(zone).date() >= free:
            return None
        return f"{had}; after {self.span}: {_written(free)}"

    @property
    def span(self) -> str:
        """The time that must pass, in words."""
        number, unit = (self.months, "month") if self.months else (self.days, "day")
        return f"{number} {unit}" if number == 1 else f"{number} {unit}s"

    def __str__(self) -> str:
        if self.is_open:
            return "always"
        rule = "once" if self.never else f"after {self.span}"
        return f"{rule} for each key" if self.of_key else rule


ALWAYS = Again()
"""A customer may enter again whenever no run is open."""
ONCE = Again(never=True)
"""A customer enters once, for good."""


def after(*, days: int = 0, months: int = 0) -> Again:
    """Let a customer enter again some time after the last run began.

    Days are the customer's calendar days, at any hour. A month on from the 31st is the last day of
    a shorter month.

    Args:
        days: 1 to 3650.
        months: or months, 1 to 120.

    Returns:
        The rule; ``.per_key`` counts each key by itself.

    Raises:
        TypeError: it is not exactly one of the two, or no whole number in its range.
    """
    given = [(days, _MOST), (months, _MOST // 30)]
    wanted = [(number, most) for number, most in given if number != 0]
    if len(wanted) != 1 or not all(type(n) is int and 1 <= n <= most for n, most in wanted):
        raise TypeError("after takes a whole number of days or of months, as in after(days=30)")
    return Again(days=days, months=months)


@lru_cache(maxsize=1024)
def _written(day: date) -> str:
    """Write a day for people. Customers who may not enter again share the few days of a rule."""
    return f"{day.day} {day:%B %Y}"
