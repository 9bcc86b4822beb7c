"""The shop's staff, who answer the tasks that journeys open."""

import heapq
import random
from datetime import UTC, datetime, timedelta

from sojourn.cli.season.stage import Asked, Stage
from sojourn.cli.season.told import Did

SLOWEST = timedelta(hours=8)
"""The longest time until a task is answered."""


class Staff:
    """The shop's staff.

    Args:
        stage: where the season is played.
        seed: the season's seed.
    """

    def __init__(self, stage: Stage, seed: int) -> None:
        self._stage = stage
        self._seed = seed
        self._seen: set[str] = set()
        self._plans: list[tuple[datetime, str, str, Asked]] = []

    @property
    def due(self) -> datetime:
        """The moment of the next answer; `datetime.max` if there is none."""
        return self._plans[0][0] if self._plans else datetime.max.replace(tzinfo=UTC)

    async def look(self) -> None:
        """Plan an answer to each newly opened task."""
        for one in await self._stage.asked():
            if one.task not in self._seen:
                self._seen.add(one.task)
                self._plan(one)

    async def answer(self) -> tuple[str, Did]:
        """Give the next answer; return the task's customer and the event."""
        at, _, name, one = heapq.heappop(self._plans)
        await self._stage.answer(one, name, at)
        answered = {"journey": one.journey, "answer": name}
        return one.customer_id, Did(at, "Task Answered", answered)

    def _plan(self, one: Asked) -> None:
        chance = random.Random(f"{self._seed}/{one.task}")  # noqa: S311 (a play)
        at = one.opened_at + chance.uniform(0.1, 1) * SLOWEST
        heapq.heappush(self._plans, (at, one.task, chance.choice(one.answers), one))
