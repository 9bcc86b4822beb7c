"""The shop's staff, who answer the tasks that journeys open."""

import heapq
import random
from datetime import UTC, datetime, timedelta

from sojourn.cli.season.told import Did
from sojourn.cli.time_travel import TimeTravel
from sojourn.store import Store, tasks
from sojourn.store.tables import TaskRow

SLOWEST = timedelta(hours=8)
"""The longest time until a task is answered."""
OPEN_TASKS = 1000
"""The most tasks to look at at once."""


class Staff:
    """The shop's staff.

    Args:
        store: the season's store.
        seed: the season's seed.
    """

    def __init__(self, store: Store, seed: int) -> None:
        self._store = store
        self._seed = seed
        self._seen: set[str] = set()
        self._plans: list[tuple[datetime, str, int, str, str]] = []

    @property
    def due(self) -> datetime:
        """The moment of the next answer; `datetime.max` if there is none."""
        return self._plans[0][0] if self._plans else datetime.max.replace(tzinfo=UTC)

    async def look(self) -> None:
        """Plan an answer to each newly opened task."""
        async with self._store.reading() as session:
            rows = await tasks.listed(session, limit=OPEN_TASKS)
        for row in rows:
            if row.task not in self._seen:
                self._seen.add(row.task)
                self._plan(row)

    async def answer(self, travel: TimeTravel) -> tuple[str, Did]:
        """Give the next answer; return the task's customer and the event."""
        at, _, number, name, customer_id = heapq.heappop(self._plans)
        row = await travel.answer(number, name, at)
        return customer_id, Did(at, "Task Answered", {"journey": row.journey, "answer": name})

    def _plan(self, row: TaskRow) -> None:
        chance = random.Random(f"{self._seed}/{row.task}")  # noqa: S311 (a play)
        at = row.opened_at.astimezone(UTC) + chance.uniform(0.1, 1) * SLOWEST
        assert row.id is not None
        answer = chance.choice(sorted(row.answers))
        heapq.heappush(self._plans, (at, row.task, row.id, answer, row.customer_id))
