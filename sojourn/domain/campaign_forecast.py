"""`forecast`: how many messages of a campaign leave in which hour, and when it is done."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Arrival:
    """Messages that may leave from one moment on.

    Args:
        ready: that moment: when they are due, or the end of their hold.
        number: how many; of a sample that stands for a whole, not a whole number.
        useful_until: from this moment on they are of no use.
    """

    ready: datetime
    number: float
    useful_until: datetime


@dataclass(frozen=True)
class Forecast:
    """The course of a campaign, if nothing unforeseen happens.

    Args:
        hours: the beginning of each hour in which messages leave, and how many do.
        ends: when the last one leaves; None: none does.
        late: messages whose turn comes when they are of no use any more.
    """

    hours: tuple[tuple[datetime, int], ...] = ()
    ends: datetime | None = None
    late: int = 0


def forecast(arrivals: Iterable[Arrival], rate: float | None) -> Forecast:
    """Tell when messages leave: the first that is ready goes first, at a rate.

    A message whose turn comes too late still uses its turn up, as in a campaign.

    Args:
        arrivals: in any order.
        rate: messages a second; None: each leaves as soon as it is ready.

    Returns:
        The hours, in their order.
    """
    hours: dict[datetime, float] = {}
    late = 0.0
    free_at: datetime | None = None
    ends: datetime | None = None
    for one in sorted(arrivals, key=lambda each: (each.ready, each.useful_until)):
        begins = one.ready if free_at is None else max(one.ready, free_at)
        takes = timedelta(0) if rate is None else timedelta(seconds=one.number / rate)
        free_at = begins + takes
        in_time = _in_time(begins, takes, one)
        late += one.number * (1 - in_time)
        if in_time:
            _spread(hours, begins, takes * in_time, one.number * in_time)
            ends = max(ends or begins, begins + takes * in_time)
    return Forecast(_rounded(hours), ends, round(late))


def _in_time(begins: datetime, takes: timedelta, one: Arrival) -> float:
    """Return the part of messages that leave while they are of use."""
    left = one.useful_until - begins
    if left <= timedelta(0):
        return 0
    return 1 if takes <= left else left / takes


def _spread(
    hours: dict[datetime, float], begins: datetime, takes: timedelta, number: float
) -> None:
    """Add messages that leave evenly over a time to the hours that it touches."""
    hour = begins.replace(minute=0, second=0, microsecond=0)
    if not takes:
        hours[hour] = hours.get(hour, 0) + number
        return
    ends = begins + takes
    while hour < ends:
        span = min(ends, hour + HOUR) - max(begins, hour)
        hours[hour] = hours.get(hour, 0) + number * (span / takes)
        hour += HOUR


def _rounded(hours: dict[datetime, float]) -> tuple[tuple[datetime, int], ...]:
    """Round the numbers so that their sum is that of the whole; hours of none are left out."""
    found: list[tuple[datetime, int]] = []
    told, total = 0, 0.0
    for hour, number in sorted(hours.items()):
        total += number
        if part := round(total) - told:
            found.append((hour, part))
            told += part
    return tuple(found)
