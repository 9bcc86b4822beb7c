"""A season on the real engine: Temporal's time-skipping server, a worker, a database."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from sojourn.cli.local.stack import time_skipping_stack
from sojourn.cli.season.replies import Letter
from sojourn.cli.season.stage import Asked
from sojourn.cli.season.told import Said, said
from sojourn.cli.time_travel import Taken, TimeTravel, Unknown
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store, ledger, tasks
from sojourn.store.tables import ContentRow, LedgerRow

OVERLAP = timedelta(seconds=5)
"""The overlap of two looks, since a message is dated before its row can be read."""
MOST = 5000
"""The most messages that one customer can get in a season."""
OPEN_TASKS = 1000
"""The most tasks to look at at once."""


class OnTemporal:
    """The real engine as a stage.

    Args:
        travel: moves its clock.
        store: of the season.
    """

    left_out: Sequence[str] = ()

    def __init__(self, travel: TimeTravel, store: Store) -> None:
        self._travel = travel
        self._store = store
        self._seen: set[int] = set()
        self._looked = datetime.min.replace(tzinfo=UTC)

    @property
    def unknown(self) -> Sequence[Unknown]:
        """The runs and events without a known outcome."""
        return self._travel.unknown

    async def take(self, call: Taken) -> None:
        """Let everything happen that is due by the moment of a call, then take the call.

        Raises:
            Unavailable: a server has gone, or nothing moves and no run is to blame.
        """
        await self._travel.take(call)

    async def advance(self, to: datetime) -> None:
        """Let everything happen that is due by a moment.

        Raises:
            Unavailable: a server has gone, or nothing moves and no run is to blame.
        """
        await self._travel.advance(to)

    async def rest(self) -> None:
        """Wait until every run is at rest.

        Raises:
            Unavailable: a server has gone, or nothing moves and no run is to blame.
        """
        await self._travel.rest()

    async def letters(self) -> Sequence[tuple[str, Letter]]:
        """Return who got what since the last look, sorted by minute and name.

        Within a moment, the order in which the engine sends messages is chance.
        """
        since, self._looked = self._looked, datetime.now(UTC) - OVERLAP
        async with self._store.reading() as session:
            rows = await ledger.sent_since(session, since)
        new = [row for row in rows if row.id not in self._seen]
        self._seen |= {row.id for row in new if row.id is not None}
        return [
            (row.customer_id, _letter(row))
            for row in sorted(
                new,
                key=lambda row: (row.decided_at.replace(second=0, microsecond=0), row.ledger_key),
            )
        ]

    async def asked(self) -> Sequence[Asked]:
        """Return the open questions to the staff."""
        async with self._store.reading() as session:
            rows = await tasks.listed(session, limit=OPEN_TASKS)
        return [
            Asked(
                row.id,
                row.task,
                row.customer_id,
                row.journey,
                tuple(sorted(row.answers)),
                row.opened_at.astimezone(UTC),
            )
            for row in rows
            if row.id is not None
        ]

    async def answer(self, one: Asked, name: str, at: datetime) -> None:
        """Let everything happen that is due by a moment, then answer a question, if it is open.

        Args:
            one: the question.
            name: the name of the answer.
            at: the moment.

        Raises:
            Unavailable: a server has gone, or nothing moves and no run is to blame.
        """
        await self._travel.answer(one.number, name, at)

    async def said_to(self, customer_id: str) -> list[Said]:
        """Return all messages that were decided on for a customer, oldest first."""
        async with self._store.reading() as session:
            contents = {
                row.id: content
                for row, content in await ledger.outbox(
                    session, customer_id=customer_id, limit=MOST
                )
            }
            rows = await ledger.of_customer(session, customer_id)
        every = [_said(row, contents.get(row.id)) for row in rows]
        return sorted(every, key=lambda one: one.at)


@asynccontextmanager
async def on_temporal(
    settings: Settings, project: Project, begins: datetime, on_restart: Callable[[int], None]
) -> AsyncIterator[OnTemporal]:
    """Start the real engine for a season.

    Args:
        settings: with a ``home`` and a database for the season alone.
        project: has the journeys.
        begins: the first moment of the season.
        on_restart: called with the exit code when the worker died and is restarted.

    Yields:
        The stage.

    Raises:
        Unavailable: a server does not start.
    """
    async with time_skipping_stack(settings, cached=True, on_restart=on_restart) as stack:
        yield OnTemporal(await TimeTravel.begin(stack, project, begins), stack.store)


def _letter(row: LedgerRow) -> Letter:
    return Letter(
        row.journey,
        row.step,
        row.channel,
        row.message_class == "promotional",
        row.workflow_id,
    )


def _said(row: LedgerRow, content: ContentRow | None) -> Said:
    return said(
        content.content if content else {},
        at=row.decided_at.astimezone(UTC),
        workflow_id=row.workflow_id,
        journey=row.journey,
        step=row.step,
        channel=row.channel,
        message_class=row.message_class,
        state=row.state,
        reason=row.reason or "",
        held_until=row.held_until,
    )
