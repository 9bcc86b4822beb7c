"""`Agenda`: a customer's plans, with chance and the hours of their day."""

import heapq
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sojourn.domain.calendar import zone

Body = dict[str, Any]
Act = Callable[[datetime], Iterator[Body]]
"""Something done at a moment: it yields the calls that report it."""

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
OPEN, SHUT = 8, 22
"""The hours of the customer's day in which they act."""


class Agenda:
    """The plans of one customer, and of the shop for them.

    Args:
        customer_id: the customer.
        timezone: their time zone, which may change.
        seed: the seed of all chance.
    """

    def __init__(self, customer_id: str, timezone: str, seed: str) -> None:
        self.customer_id = customer_id
        self.timezone = timezone
        self.random = random.Random(seed)  # noqa: S311 (a play)
        self._made = 0
        self._acts: list[tuple[datetime, int, Act]] = []

    @property
    def due(self) -> datetime:
        """The moment of the next act; `datetime.max` if there is none."""
        return self._acts[0][0] if self._acts else datetime.max.replace(tzinfo=UTC)

    def live(self) -> list[Body]:
        """Do the next act, and return its calls."""
        at, _, act = heapq.heappop(self._acts)
        return [self._call(at, body) for body in act(at)]

    def plan(self, at: datetime, act: Act) -> None:
        """Plan an act."""
        self._made += 1
        heapq.heappush(self._acts, (at, self._made, act))

    def does(self, event: str, **properties: Any) -> Act:
        """Return an act that is one event."""

        def act(at: datetime) -> Iterator[Body]:
            yield track(event, **properties)

        return act

    def may(self, chance: float) -> bool:
        """Return True with this chance."""
        return self.random.random() < chance

    def soon(self, at: datetime) -> datetime:
        """Return a moment some hours later at which they are awake."""
        return self.awake(at + self.random.expovariate(1) * 3 * HOUR)

    def after(self, at: datetime, at_most: timedelta) -> datetime:
        """Return a moment within this duration at which they are awake."""
        return self.awake(at + self.random.uniform(0.1, 1) * at_most)

    def awake(self, at: datetime) -> datetime:
        """Return the moment if they are awake, otherwise a later one."""
        if OPEN <= at.astimezone(zone(self.timezone)).hour < SHUT:
            return at
        return self.at_hour(at, self.random.randint(OPEN, SHUT - 1))

    def at_hour(self, at: datetime, hour: int) -> datetime:
        """Return the next time at which it is this hour locally."""
        local = at.astimezone(zone(self.timezone))
        then = local.replace(hour=hour, minute=self.random.randint(0, 59), second=0, microsecond=0)
        return (then if then >= local else then + DAY).astimezone(at.tzinfo)

    def new_id(self, kind: str) -> str:
        """Create an id that is unique for the customer."""
        self._made += 1
        return f"{self.customer_id}-{kind}{self._made}"

    def _call(self, at: datetime, body: Body) -> Body:
        return {
            "messageId": self.new_id("m"),
            "userId": self.customer_id,
            "timestamp": at.isoformat(),
            **body,
        }


def track(event: str, **properties: Any) -> Body:
    """Return the body of a ``track`` call."""
    return {"type": "track", "event": event, "properties": properties}


def identify(**traits: Any) -> Body:
    """Return the body of an ``identify`` call."""
    return {"type": "identify", "traits": traits}
