"""Moments in words: what a wait counts from, and how far.

A run is drawn by a made-up clock, on which each moment that it knows has odd minutes of its own. So
the moment for which it waits tells from which of them it was counted.
"""

from calendar import day_abbr
from collections.abc import Callable
from datetime import datetime, time, timedelta

from sojourn.domain.calendar_days import (
    BusinessDays,
    Day,
    DayOfMonth,
    Months,
    NthWeekday,
    Weekday,
)
from sojourn.domain.events import Event
from sojourn.domain.working_time import Span, WorkingTime
from sojourn.journeys import wording

_MINUTE = timedelta(minutes=1)
_ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}
_Named = list[tuple[datetime, str]]
START = "the start"
"""The event that (re)started the steps, from which most plans count."""


def span(of: Span) -> str:
    """Say how long a wait is: ``2 days``, ``3 business days``, ``18 h of mon-fri 09:00-18:00``."""
    match of:
        case timedelta():
            return wording.span(of)
        case WorkingTime(duration=duration, hours=hours):
            return f"{wording.span(duration)} of {hours}"
        case Months(number=n):
            return _counted(n, "month")
        case BusinessDays(number=n):
            return _counted(n, "business day")
    return f"until {_day(of)}"


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}" if abs(number) == 1 else f"{number} {unit}s"


def _day(of: Day) -> str:
    match of:
        case DayOfMonth(number=n):
            return f"the next day {n} of a month"
        case Weekday(weekdays=days):
            return f"the next {' or '.join(day_abbr[day] for day in sorted(days))}"
        case NthWeekday(number=n, weekday=day):
            return f"the next {_ORDINALS.get(n, f'{n}.')} {day_abbr[day]} of a month"
        case Months() | BusinessDays():
            return f"{span(of)} later"
    raise AssertionError(of)


class Moments:
    """The moments that a drawn run knows, in words.

    Args:
        look: tells the run's clock, and the events that it knows: the one that (re)started the
            steps, the one that began the run, then the others, newest first.
    """

    def __init__(self, look: Callable[[], tuple[datetime, list[Event]]]) -> None:
        self._look = look
        self._noted: dict[datetime, str] = {}

    def note(
        self,
        moment: datetime,
        at: time,
        *,
        days: int = 0,
        on: Day | None = None,
        after: datetime | None = None,
        zone: str | None = None,
    ) -> None:
        """Note a moment that the steps have named by `Journey.local`, with what they gave it.

        Args:
            moment: the moment.
            at: the time of day.
            days: calendar days after ``after``.
            on: finds the day from that one.
            after: any moment; None: the event that (re)started the steps.
            zone: the clocks of a place.
        """
        base = START if after is None else self.named(after)
        hour = f"{at:%H:%M} {'there' if zone else 'local'}"
        self._noted[moment] = f"{_from(base, days, on)}, {hour}"

    def opening(self, moment: datetime, hours: str) -> None:
        """Note a moment that the steps have found by `Journey.opening`."""
        self._noted[moment] = f"the next opening, {hours}"

    def until(self, moment: datetime) -> str:
        """Say for which moment the steps wait.

        Args:
            moment: the moment.

        Returns:
            ``3 days before expires_at, 10:00 local``; ``2 h later``.
        """
        return self._noted.setdefault(moment, self._found(moment))

    def _found(self, moment: datetime) -> str:
        if moment in self._noted:
            return self._noted[moment]
        now, known, others = self._known()
        for when, name in known:
            if _is_round(moment - when) and name != START:
                return _apart(moment - when, name)
        starts = [(when, name) for when, name in known if name == START]
        round_ = [(when, name) for when, name in (*starts, (now, "")) if _is_round(moment - when)]
        if round_:
            when, name = min(round_, key=lambda one: _crookedness(moment - one[0]))
            apart = moment - when
            return _apart(apart, name) if name else f"{wording.span(apart)} later"
        for when, name in (*others, *self._noted.items()):
            if _is_round(moment - when):
                return _apart(moment - when, name)
        return "a moment that the steps work out"

    def later(self, by: timedelta) -> str:
        """Say until when a wait of a length that the steps have worked out lasts."""
        return self.until(self._known()[0] + by)

    def named(self, moment: datetime) -> str:
        """Say which moment the steps mean: ``expires_at``, ``now``."""
        now, known, others = self._known()
        if moment in self._noted:
            return self._noted[moment]
        for when, name in (*known, *others):
            if moment == when:
                return name
        return "now" if moment == now else self.until(moment)

    def _known(self) -> tuple[datetime, _Named, _Named]:
        """Return the clock, the moments from which a run may count, and those of other events."""
        now, events = self._look()
        found = [(event.occurred_at, START) for event in events[:2]]
        for event in events:
            for name in type(event).model_fields:
                value = getattr(event, name)
                if isinstance(value, datetime) and name != "occurred_at":
                    found.append((value, name))
        return now, found, [(event.occurred_at, event.event_name) for event in events[2:]]


def _is_round(apart: timedelta) -> bool:
    return not apart % _MINUTE


def _crookedness(apart: timedelta) -> int:
    """Tell how unlikely it is that somebody wrote a span: days are likelier than minutes."""
    return sum(bool(apart % unit) for unit in (timedelta(days=1), timedelta(hours=1)))


def _apart(apart: timedelta, name: str) -> str:
    if not apart:
        return name
    return f"{wording.span(abs(apart))} {'after' if apart > timedelta(0) else 'before'} {name}"


def _from(base: str, days: int, on: Day | None) -> str:
    if on is not None:
        later = _day(on)
        if isinstance(on, Months | BusinessDays):
            return later if base == "now" else f"{span(on)} after {base}"
        return later if base == "now" else f"{later} after {base}"
    if base == "now":
        return {0: "the same day", 1: "the next day"}.get(days, f"{days} days later")
    if not days:
        return f"the day of {base}"
    which = "after" if days > 0 else "before"
    return f"the day {which} {base}" if abs(days) == 1 else f"{abs(days)} days {which} {base}"
