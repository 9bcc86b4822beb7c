"""Days as people name them: in a month, the next Monday, three business days on.

Each is a plain value that finds a day from another one, in the customer's own calendar::

    await self.sleep_until(self.local(time(10), on=months(1)))
    await self.sleep_until(self.local(time(10), on=business_days(3, holidays="IT")))
    await self.sleep_until(self.local(time(10), on=nth_weekday(1, "mon")))
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from sojourn.domain.public_holidays import holiday, read_place, weekend
from sojourn.domain.week import read_days

_DAY = timedelta(days=1)
_MOST = 1000
"""Business days, months and weeks that a plan may go forward or back."""


@dataclass(frozen=True)
class Months:
    """The same day of another month."""

    number: int

    def __call__(self, day: date) -> date:
        """Return the day, or the last one of a month that is too short."""
        years, month = divmod(day.month - 1 + self.number, 12)
        return _of_month(day.year + years, month + 1, day.day)


@dataclass(frozen=True)
class DayOfMonth:
    """The next day of that number."""

    number: int

    def __call__(self, day: date) -> date:
        """Return the first such day after ``day``; the last one of a month that is too short."""
        here = _of_month(day.year, day.month, self.number)
        return here if here > day else _of_month(*_following(day), self.number)


@dataclass(frozen=True)
class Weekday:
    """The next of some weekdays."""

    weekdays: frozenset[int]

    def __call__(self, day: date) -> date:
        """Return the first such day after ``day``."""
        return next(one for one in _after(day, 1) if one.weekday() in self.weekdays)


@dataclass(frozen=True)
class NthWeekday:
    """A weekday by its place in a month."""

    number: int
    weekday: int

    def __call__(self, day: date) -> date:
        """Return the first such day after ``day``. Not every month has a fifth of each weekday."""
        year, month = day.year, day.month
        while (found := self._of(year, month)) is None or found <= day:
            year, month = _following(date(year, month, 1))
        return found

    def _of(self, year: int, month: int) -> date | None:
        days = [
            one
            for one in (date(year, month, n + 1) for n in range(monthrange(year, month)[1]))
            if one.weekday() == self.weekday
        ]
        at = self.number - 1 if self.number > 0 else self.number
        return days[at] if -len(days) <= at < len(days) else None


@dataclass(frozen=True)
class BusinessDays:
    """A number of business days forward, or back."""

    number: int
    place: tuple[str, str] | None = None

    def __call__(self, day: date) -> date:
        """Return the day; with 0 the day itself if it is one, else the next."""
        step = 1 if self.number >= 0 else -1
        if self.number == 0:
            return next(one for one in _after(day, 0) if self._is_one(one))
        left = abs(self.number)
        while left:
            day += step * _DAY
            left -= self._is_one(day)
        return day

    def _is_one(self, day: date) -> bool:
        if self.place is None:
            return day.weekday() < 5
        return day.weekday() not in weekend(*self.place) and not holiday(day, *self.place)


Day = Months | DayOfMonth | Weekday | NthWeekday | BusinessDays


def months(number: int) -> Months:
    """Return the same day so many months later, or the last day of a shorter month.

    A month after 31 January is 28 February, or 29; counted from 31 January, two months later is
    31 March. Below zero, it goes back.

    Raises:
        ValueError: more than a thousand.
    """
    return Months(_few(number))


def day_of_month(number: int) -> DayOfMonth:
    """Return the next first, fifteenth, ... of a month; 31 is the last day of every month.

    Raises:
        ValueError: no month has such a day.
    """
    if not 1 <= number <= 31:
        raise ValueError(f"no month has a day {number}: days of a month are 1 to 31")
    return DayOfMonth(number)


def weekday(written: str) -> Weekday:
    """Return the next ``mon``, or the next of ``mon-fri``: always a later day.

    Raises:
        ValueError: there is no such weekday.
    """
    return Weekday(frozenset(_days(written)))


def nth_weekday(number: int, written: str) -> NthWeekday:
    """Return the next first Monday of a month, second Tuesday, last Friday (-1).

    Args:
        number: 1 to 5, or -1 to -5 from the end of the month.
        written: ``mon``.

    Returns:
        The rule. A month without a fifth Monday is passed over.

    Raises:
        ValueError: there is no such weekday, or no month has so many.
    """
    found = _days(written)
    if len(found) != 1:
        raise ValueError(f'one weekday of a month is meant, not "{written}": write mon')
    if not 1 <= abs(number) <= 5:
        raise ValueError(f"no month has {number} of a weekday: write 1 to 5, or -1 for the last")
    return NthWeekday(number, found[0])


def business_days(number: int, *, holidays: str = "") -> BusinessDays:
    """Return the day so many business days later; with 0, the same day if it is one.

    Args:
        number: below zero, it goes back.
        holidays: a country, or a region of it, whose public holidays and weekend are no business
            days: ``IT``, ``DE-BY``. Left out: Monday to Friday.

    Returns:
        The rule.

    Raises:
        ValueError: nobody knows the holidays of the place, or more than a thousand days.
    """
    try:
        place = read_place(holidays) if holidays else None
    except ValueError as error:
        raise ValueError(f"holidays= {error}") from None
    return BusinessDays(_few(number), place)


def _few(number: int) -> int:
    if abs(number) > _MOST:
        raise ValueError(f"{number} is more than a plan may go: {_MOST} at most")
    return number


def _days(written: str) -> tuple[int, ...]:
    try:
        return read_days(written)
    except ValueError as error:
        raise ValueError(f"weekday {error}") from None


def _after(day: date, first: int) -> Iterator[date]:
    return (day + n * _DAY for n in range(first, _MOST))


def _following(day: date) -> tuple[int, int]:
    return (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)


def _of_month(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, monthrange(year, month)[1]))
