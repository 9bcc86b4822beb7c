"""The end of a hold by local time: when may a message leave?

A holder answers for local moments alone, so its answer changes only where the clock passes an edge
of a span, passes midnight, or is set past an edge. The search goes from one of these moments to the
next, a day at a time; it never steps through minutes.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

from sojourn.domain.calendar import DAY, change_on, local_day, moment
from sojourn.domain.value_class import value_class

LONGEST = 370
"""Days after which a search ends: nothing that stays closed for over a year ever opens."""

_END = 24 * 60 * 60
MIDNIGHT = time()


class Holder(Protocol):
    """Something that holds messages at times of the local week or year."""

    def holds(self, shown: datetime) -> str:
        """Return why it holds a message at a local moment; empty if it does not."""
        ...

    def closes(self, day: date) -> bool:
        """Tell whether it holds everything on a local day."""
        ...

    def edges(self, day: date) -> Iterable[int]:
        """Yield the seconds of a local day at which it may begin or cease to hold."""
        ...


@value_class
class Opening:
    """The end of a hold.

    Args:
        at: the first moment at which nothing holds any more, in UTC.
        until: until then, not included, nothing holds again. It may be cut off where the search for
            it ended.
        because: what held from the beginning to the end, in words, each once.
        holders: the holders that did.
    """

    at: datetime
    until: datetime
    because: tuple[str, ...]
    holders: tuple[Holder, ...]


@dataclass(frozen=True)
class Never:
    """Nothing opens within `LONGEST` days.

    Args:
        because: what holds, in words, each once.
    """

    because: tuple[str, ...]


def held(
    holders: Sequence[Holder], now: datetime, tz: ZoneInfo, *, look_on: timedelta = timedelta(0)
) -> Opening | Never | None:
    """Return the end of the hold around ``now``.

    Args:
        holders: the hold ends once none of them holds.
        now: any aware moment.
        tz: the customer's zone.
        look_on: how far to look for the end of what opens then.

    Returns:
        The opening; `Never` if there is none; None if nothing holds now.
    """
    found = _Found(holders, tz)
    if not found.holds(now):
        return None
    for candidate in _edges(holders, now, tz):
        if not found.holds(candidate):
            until = closing(holders, candidate, tz, look_on)
            return Opening(candidate, until, tuple(found.because), tuple(found.holders))
    return Never(tuple(found.because))


class _Found:
    """The holders that have held something so far, and why."""

    def __init__(self, holders: Sequence[Holder], tz: ZoneInfo) -> None:
        self._all, self._tz = holders, tz
        self.because: dict[str, None] = {}
        self.holders: dict[Holder, None] = {}

    def holds(self, when: datetime) -> bool:
        shown, any_of_them = when.astimezone(self._tz), False
        for holder in self._all:
            if because := holder.holds(shown):
                self.because[because] = None
                self.holders[holder] = None
                any_of_them = True
        return any_of_them


def closing(
    holders: Sequence[Holder], opened: datetime, tz: ZoneInfo, look_on: timedelta
) -> datetime:
    """Return the first moment after an opening at which something holds again.

    Args:
        holders: all that may hold.
        opened: the moment at which nothing holds.
        tz: the customer's zone.
        look_on: how far to look.

    Returns:
        The moment, or the end of the search.
    """
    last = opened + look_on
    for candidate in _edges(holders, opened, tz):
        if candidate >= last:
            break
        shown = candidate.astimezone(tz)
        if any(holder.holds(shown) for holder in holders):
            return candidate
    return last


def _edges(holders: Sequence[Holder], after: datetime, tz: ZoneInfo) -> Iterator[datetime]:
    """Yield in order the moments after ``after`` at which something may begin or cease to hold.

    The day before counts as well where clocks change: if they go back over midnight, it is shown a
    second time.
    """
    today, waiting = local_day(after, tz), set[datetime]()
    changes = change_on(today - DAY, tz) or change_on(today, tz)
    for n in range(-1 if changes else 0, LONGEST + 1):
        day = today + n * DAY
        ends = moment(day + DAY, MIDNIGHT, tz)
        seconds = frozenset[int]()
        if not any(holder.closes(day) for holder in holders):
            seconds = frozenset([second for one in holders for second in one.edges(day)])
        waiting |= _shown_at(seconds, day, tz)
        if change := change_on(day, tz):
            waiting.add(change)
        # an edge that clocks show twice may come after midnight's first time
        ready = sorted([each for each in waiting if each < ends])
        waiting.difference_update(ready)
        yield from [each for each in ready if each > after]


@lru_cache(maxsize=4096)
def _shown_at(seconds: frozenset[int], day: date, tz: ZoneInfo) -> frozenset[datetime]:
    """Return when clocks show midnight and these seconds of a local day, each time that they do.

    The windows of a policy have few edges, and all that it holds on a day asks for the same ones.
    """
    times = [MIDNIGHT, *[_time(second) for second in seconds - {0, _END}]]
    return frozenset([moment(day, each, tz, fold=fold) for each in times for fold in (0, 1)])


def _time(second: int) -> time:
    minutes, seconds = divmod(second, 60)
    return time(minutes // 60, minutes % 60, seconds)
