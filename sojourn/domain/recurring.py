"""The times of a recurring campaign: each day, week or month, at a local time of each customer.

An occurrence is named after its day, ``newsletter@2026-12-07``, and is a campaign of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sojourn.domain.calendar import DAY
from sojourn.domain.sending_time import EARLIEST, Passed, SendingTime
from sojourn.domain.week import DAYS

LAST_DAY = 28
"""The last day that every month has."""
_CALLED = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Recurring:
    """The times of a recurring campaign. Made by `daily`, `weekly` and `monthly`.

    Args:
        local: the local time.
        weekday: 0 is Monday; None: not each week.
        day: of the month; None: not each month.
    """

    local: time
    weekday: int | None = None
    day: int | None = None

    @property
    def least_apart(self) -> timedelta:
        """The shortest time between two occurrences."""
        if self.weekday is not None:
            return timedelta(weeks=1)
        return timedelta(days=1 if self.day is None else LAST_DAY)

    def falls_on(self, day: date) -> bool:
        """Tell whether there is an occurrence on a day."""
        if self.weekday is not None:
            return day.weekday() == self.weekday
        return self.day is None or day.day == self.day

    def day_of(self, occasion: str) -> date | None:
        """Return the day that an occasion names; None if there is no occurrence of that name.

        A day has one spelling: another one would name another campaign, and all would get it twice.
        """
        try:
            day = date.fromisoformat(occasion)
        except ValueError:
            return None
        return day if day.isoformat() == occasion and self.falls_on(day) else None

    def on(self, day: date) -> SendingTime:
        """Return when the occurrence of a day is due.

        Where its hour has already passed, it is sent for as long as it is of use.
        """
        return SendingTime(day=day, local=self.local, passed=Passed.LATE)

    def days(self, first: date) -> Iterator[date]:
        """Yield the days of its occurrences, without end.

        Args:
            first: the earliest day to yield.
        """
        while True:
            if self.falls_on(first):
                yield first
            first += DAY

    def __str__(self) -> str:
        """Return it in words: ``each Monday at 10:00 in each customer's zone``."""
        if self.weekday is not None:
            every = f"each {_CALLED[self.weekday]}"
        else:
            every = "each day" if self.day is None else f"on day {self.day} of each month"
        return f"{every} at {self.local:%H:%M} in each customer's zone"


def day_at(moment: datetime) -> date:
    """Return the newest day in the world at a moment: the day in the zone furthest ahead.

    An occurrence fires when its hour has come there, so that this is its day.
    """
    return (moment.astimezone(UTC) + EARLIEST).date()


def daily(*, at: str | time) -> Recurring:
    """Return the times "each day at a local time, in each customer's zone".

    Args:
        at: ``"09:00"``.

    Raises:
        TypeError: it is not a time of day.
    """
    return Recurring(local=_time("daily", at))


def weekly(day: str, *, at: str | time) -> Recurring:
    """Return the times "each week, on a day, at a local time, in each customer's zone".

    Args:
        day: ``"mon"`` to ``"sun"``.
        at: ``"10:00"``.

    Raises:
        TypeError: there is no such day, or it is not a time of day.
    """
    if day not in DAYS:
        raise TypeError(f"weekly({day!r}): the days are {', '.join(DAYS)}")
    return Recurring(local=_time("weekly", at), weekday=DAYS.index(day))


def monthly(day: int, *, at: str | time) -> Recurring:
    """Return the times "each month, on a day, at a local time, in each customer's zone".

    Args:
        day: 1 to 28, which every month has.
        at: ``"10:00"``.

    Raises:
        TypeError: not every month has such a day, or it is not a time of day.
    """
    if isinstance(day, bool) or not isinstance(day, int) or not 1 <= day <= LAST_DAY:
        raise TypeError(f"monthly({day!r}): take a day from 1 to {LAST_DAY}: every month has it")
    return Recurring(local=_time("monthly", at), day=day)


def _time(whose: str, at: str | time) -> time:
    try:
        told = time.fromisoformat(at) if isinstance(at, str) else at
    except ValueError:
        told = None
    if not isinstance(told, time) or told.tzinfo is not None or told.second or told.microsecond:
        raise TypeError(f'{whose}(at={at!r}): write the local time of day, as in at="10:00"')
    return told
