"""An installation on the time-skipping server, whose worker is replaced by one with other code."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

from sqlalchemy import update
from temporalio.client import Client

from sojourn.cli import histories
from sojourn.cli.local.stack import Stack
from sojourn.cli.time_travel import TimeTravel
from sojourn.cli.virtual_clock import server_time
from sojourn.dispatch.calls import Track, read_call
from sojourn.dispatch.outcomes import enrolments
from sojourn.domain.alias import Alias
from sojourn.domain.customer import Identity
from sojourn.domain.events import EARLIEST
from sojourn.domain.prices import Prices
from sojourn.insight.backtesting.ledgered import ledgered
from sojourn.insight.backtesting.side import Side
from sojourn.journeys.queues import TASK_QUEUE
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.serving import worker
from sojourn.settings import Settings
from sojourn.store import Store, ledger, runs
from sojourn.store.tables import EventRow
from sojourn.testkit.engines.temporal import OnTemporal
from tests.support.leading import courses, snapshot

STEP = timedelta(hours=12)


@dataclass(frozen=True)
class Standing:
    """An open run: its journey, and its present execution."""

    journey: str
    run_id: str


class Served:
    """Calls go in, time passes, the ledger is read: by one project, and then by another.

    Args:
        client: connected to a time-skipping server.
        store: of the installation.
        settings: of the installation.
        clock: the journeys' clock minus the server's.
    """

    def __init__(
        self,
        client: Client,
        store: Store,
        settings: Settings,
        clock: timedelta,
    ) -> None:
        self.client, self.store, self.settings, self._clock = client, store, settings, clock

    @classmethod
    async def begin(
        cls, client: Client, store: Store, settings: Settings, at: datetime
    ) -> "Served":
        """Begin at a moment of the journeys' clock."""
        return cls(client, store, settings, at - await server_time(client))

    @asynccontextmanager
    async def by(self, project: Project) -> AsyncIterator[TimeTravel]:
        """Serve by a project for as long as the block lasts."""
        # of a stack it takes the client, the store and the settings
        stack = cast(Stack, self)
        async with worker.serving(self.client, self.store, self.settings, project, cached_runs=0):
            yield TimeTravel(stack, project, self._clock)

    async def now(self) -> datetime:
        """Return the journeys' clock."""
        return await server_time(self.client) + self._clock

    async def tell(self, travel: TimeTravel, calls: Iterable[dict[str, Any]]) -> None:
        """Have calls happen, each at its moment."""
        for body in calls:
            call = read_call(body)
            assert isinstance(call, Track | Identity | Alias)
            await travel.take(call)
        await travel.rest()
        assert travel.unknown == []
        assert travel.faults == []

    async def snapshot(self, file: Path) -> Path:
        """Take a snapshot of the open runs."""
        await self._date_arrivals()
        return await snapshot(self.client, self.store, await server_time(self.client), file)

    async def open_runs(self) -> dict[str, Standing]:
        """Return the open runs, by their ids."""
        found = {}
        async for one in courses(self.client, self.store):
            described = await self.client.get_workflow_handle(one.workflow_id).describe()
            assert described.run_id is not None
            found[one.workflow_id] = Standing(one.journey, described.run_id)
        return found

    async def ends(self, standing: Mapping[str, Standing]) -> dict[str, dict[str, int]]:
        """Return how runs that were open have ended since, by journey."""
        ends: dict[str, Counter[str]] = {}
        for workflow_id, one in standing.items():
            async for ended in enrolments(self.client, workflow_id, one.run_id):
                ends.setdefault(one.journey, Counter())[ended.outcome] += 1
        return {name: dict(counts) for name, counts in ends.items()}

    async def replayed(self, project: Project) -> set[str]:
        """Return the open runs that break under a project's code, as a replay has it."""

        async def all_of_them() -> AsyncIterator[Any]:
            for run in await self.open_runs():
                yield run, await self.client.get_workflow_handle(run).fetch_history()

        classes = [*project.journeys.values()]
        checked = await histories.replay(all_of_them(), classes, project=project)
        return {one.name for one in checked if one.broken}

    async def terminate(self, ids: Iterable[str]) -> None:
        """End runs, at rest."""
        await self._engine().terminate(ids)

    async def terminate_all(self) -> None:
        """End every run, so that none disturbs the next installation."""
        async with self.store.reading() as session:
            ids = dict.fromkeys(row.workflow_id for row in await runs.every(session))
        await self.terminate(ids)

    async def pass_time(self, travel: TimeTravel, to: datetime) -> None:
        """Let time pass, step by step: each call to the server stays short."""
        while (left := to - await self.now()) > timedelta(0):
            await self._engine().advance(min(left, STEP))
        await travel.rest()

    async def side(self, until: datetime) -> Side:
        """Return what became of the calls so far, as the ledger has it, and how runs ended."""
        await self._date_arrivals()
        side = await ledgered(self.store, since=EARLIEST, until=until, prices=Prices())
        outcomes: dict[str, Counter[str]] = {}
        async with self.store.reading() as session:
            begun = await runs.every(session)
        engine, seen = self._engine(), set[str]()
        for run in begun:
            for ended in await engine.ends(run):
                if ended.run_id not in seen:
                    seen.add(ended.run_id)
                    outcomes.setdefault(run.journey, Counter())[ended.outcome] += 1
        return replace(side, outcomes=outcomes)

    async def run_of(self) -> dict[str, str]:
        """Return the run of each message, by its name."""
        async with self.store.reading() as session:
            return {row.message_id: row.workflow_id for row in await ledger.every(session)}

    async def _date_arrivals(self) -> None:
        """Leave in the store that events arrived when they happened, not by the machine's clock."""
        async with self.store.transaction() as session:
            await session.exec(update(EventRow).values(received_at=EventRow.occurred_at))

    def _engine(self) -> OnTemporal:
        return OnTemporal(self.client, TASK_QUEUE, Journeys())
