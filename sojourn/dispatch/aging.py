"""`Aging`: goes through the tables, and makes each give up what is older than its days."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from sojourn.dispatch.telling import has_no_namespace
from sojourn.domain.errors import TemporalUnavailable
from sojourn.store import Store, runs
from sojourn.store.rights import aging
from sojourn.store.rights.holdings import HOLDINGS

IsOpen = Callable[[str], Awaitable[bool]]
"""Tells whether Temporal has an open run of a workflow id."""


AGAIN = timedelta(days=1)
"""The time between two passes through a whole table; others look at what became old since."""
WINDOW = 10_000
"""The keys that one statement looks at."""
WINDOWS = 50
"""The windows of one sweep, if there is nothing to give up in them."""


class Aging:
    """One pass after the other; each goes on where the last one ended."""

    def __init__(self, store: Store, days: Mapping[str, int], is_open: IsOpen) -> None:
        """Begin with the oldest rows.

        Args:
            store: open.
            days: after which a table gives something up, by its name.
            is_open: asked for runs of customers whose events are old.
        """
        self._store = store
        self._days = days
        self._is_open = is_open
        self._reached: dict[str, int] = {}
        self._seen_whole: set[str] = set()
        self._began: dict[str, datetime] = {}

    async def sweep(self) -> int:
        """Make every table give up one batch.

        Returns:
            The number of rows that gave something up.

        Raises:
            TemporalUnavailable: it does not say which runs are open.
        """
        return sum([await self._one(name) for name in self._days])

    async def _one(self, name: str) -> int:
        before = datetime.now(UTC) - timedelta(days=self._days[name])
        aging_of = HOLDINGS[name].aging
        assert aging_of is not None
        if aging_of.by_key:
            rows = await self._paged(name, before)
        else:
            async with self._store.reading() as session:
                rows = await aging.old(session, name, before=before)
        free = await self._free(rows) if name == "events" else rows
        if not free:
            return 0
        async with self._store.transaction() as session:
            return await aging.give_up(session, name, free)

    async def _paged(self, name: str, before: datetime) -> list[dict[str, Any]]:
        """Return the next old rows of a table that is paged by key.

        What was given up long ago stays in the table, and is passed over in windows: no statement
        reads the whole of it.
        """
        async with self._store.reading() as session:
            span = await aging.span_of(session, name, before)
        if span is None:
            return []
        lowest, newest = span
        place = self._place(name)
        reached = lowest - 1 if place is None else place
        # a pass looks further: a message that was held may be older than its neighbours
        edge = newest if name in self._seen_whole else newest + WINDOW
        rows: list[dict[str, Any]] = []
        for _ in range(WINDOWS):
            if rows or reached >= edge:
                break
            until = min(reached + WINDOW, edge)
            async with self._store.reading() as session:
                rows = await aging.old(session, name, before=before, after=reached, until=until)
            full = len(rows) == aging.BATCH
            reached = rows[-1][next(iter(rows[-1]))] if full else until
        if reached >= edge:
            self._seen_whole.add(name)
        # what is younger is looked at once it is old
        self._reached[name] = min(reached, newest) if name in self._seen_whole else reached
        return rows

    def _place(self, name: str) -> int | None:
        """Return the key after which to go on; once a day a pass begins with the oldest row."""
        now = datetime.now(UTC)
        began = self._began.setdefault(name, now)
        if now - began >= AGAIN:
            self._began[name] = now
            self._seen_whole.discard(name)
            self._reached.pop(name, None)
        return self._reached.get(name)

    async def _free(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the events of customers without an open run: a run may need them."""
        async with self._store.reading() as session:
            noted = await runs.maybe_open_of(session, {row["customer_id"] for row in rows})
        busy = {
            customer_id
            for customer_id, found in noted.items()
            if any([await self._is_open(run.workflow_id) for run in found])
        }
        return [row for row in rows if row["customer_id"] not in busy]


def asking(client: Client) -> IsOpen:
    """Return a function that asks Temporal whether a run is open."""

    async def is_open(workflow_id: str) -> bool:
        try:
            found = await client.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND and not has_no_namespace(error):
                return False
            raise TemporalUnavailable(
                f"Temporal does not say whether runs are open ({error.status.name.lower()})"
            ) from None
        except RuntimeError as error:  # no connection could be made
            raise TemporalUnavailable(f"Temporal does not answer: {error}") from None
        return found.status is WorkflowExecutionStatus.RUNNING

    return is_open
