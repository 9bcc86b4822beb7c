"""`Aging`: goes through the tables, and has each give up what is older than its days."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from sojourn.dispatch.telling import has_no_namespace
from sojourn.domain.errors import TemporalUnavailable
from sojourn.store import Store, runs
from sojourn.store.rights import aging

IsOpen = Callable[[str], Awaitable[bool]]
"""Tells whether Temporal has an open run of a workflow id."""


class Aging:
    """One pass after the other; each goes on where the last one ended."""

    def __init__(self, store: Store, days: Mapping[str, int], is_open: IsOpen) -> None:
        """Begin with the oldest rows.

        Args:
            store: open.
            days: by table.
            is_open: asked for runs of customers whose events are old.
        """
        self._store = store
        self._days = days
        self._is_open = is_open
        self._after: dict[str, Any] = {}

    async def sweep(self) -> int:
        """Have every table give up one batch.

        Returns:
            How many rows gave something up.

        Raises:
            TemporalUnavailable: nobody says which runs are open.
        """
        return sum([await self._one(name) for name in self._days])

    async def _one(self, name: str) -> int:
        before = datetime.now(UTC) - timedelta(days=self._days[name])
        async with self._store.reading() as session:
            rows = await aging.old(session, name, before=before, after=self._after.get(name))
        if not rows:
            self._after.pop(name, None)  # the next pass begins with what was passed over
            return 0
        free = await self._free(rows) if name == "events" else rows
        if name == "events":
            self._after[name] = rows[-1]["seq"]
        if not free:
            return 0
        async with self._store.transaction() as session:
            return await aging.give_up(session, name, free)

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
