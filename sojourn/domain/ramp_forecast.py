"""`ramped`: when the messages of a campaign may leave from a domain that warms up."""

from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heappush

from sojourn.domain.campaign_forecast import Arrival
from sojourn.domain.ramp import DAY, Allowance, Ladder, day_of, next_turn


def ramped(
    arrivals: Iterable[Arrival], today: Allowance, ladder: Ladder, level: int, timezone: str
) -> Iterator[Arrival]:
    """Tell when messages may leave if a domain climbs a step after each budget that it uses up.

    Args:
        arrivals: as if there were no ramp.
        today: the allowance of the day.
        ladder: of the domain.
        level: its step today.
        timezone: in which days begin, an IANA name.

    Yields:
        The same messages; those without room in a day's budget move to a later day.
    """
    waiting = [(one.ready, number, one) for number, one in enumerate(arrivals)]
    heapify(waiting)
    number = len(waiting)
    day, left = None, 0.0
    climbed = level
    first, _ = day_of(today.until - DAY / 2, timezone)
    while waiting:
        ready, _, one = heappop(waiting)
        its_day, morning = day_of(ready, timezone)
        if its_day != day:
            if day is not None and left <= 0 and climbed < ladder.top:
                climbed += 1
            budget = today.left if its_day <= first else ladder.budget(climbed)
            day, left = its_day, float("inf") if budget is None else float(budget)
        if ready >= one.useful_until:
            yield Arrival(ready, one.number, one.useful_until)
            continue
        goes = min(one.number, left)
        left -= goes
        if goes:
            yield Arrival(ready, goes, one.useful_until)
        if (rest := one.number - goes) > 0:
            number += 1
            turn = next_turn(ready, morning, one.useful_until) or one.useful_until
            again = Arrival(turn, rest, one.useful_until)
            heappush(waiting, (again.ready, number, again))
