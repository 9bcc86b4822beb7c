"""Messages whose runs are over: a terminated run decides on nothing more, so its rows are settled.

A run that ends by itself, is stopped or is cancelled settles what waits in it. Temporal ends a
terminated run without asking it, and nobody comes back to its messages.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from sojourn.dispatch.telling import has_no_namespace
from sojourn.domain.errors import TemporalUnavailable
from sojourn.store import Store, ledger, people, runs, settling
from sojourn.store.tables import LedgerRow

log = logging.getLogger("sojourn.dispatch")

PAGE = 200
AT_ONCE = 20
OVERDUE = timedelta(seconds=10)
"""A message that is overdue by this long may have nobody who asks about it."""
FORGOTTEN = timedelta(days=7)
"""A run that Temporal does not know may be one that a restore has lost: `sojourn recover` finds it
within this time. After it, Temporal has forgotten a run that was over."""


class Abandoned:
    """Goes through the messages that wait for too long, a page at a time."""

    def __init__(self, store: Store, client: Client) -> None:
        """Begin with the oldest message.

        Args:
            store: open.
            client: of the runs.
        """
        self._store = store
        self._client = client
        self._after = 0

    async def settle(self) -> int:
        """Look at the next page of overdue messages, and settle those whose runs are over.

        Returns:
            The number that were settled.

        Raises:
            TemporalUnavailable: it does not say which runs are open.
        """
        now = datetime.now(UTC)
        async with self._store.reading() as session:
            rows = await ledger.overdue(
                session, before=now - OVERDUE, after=self._after, limit=PAGE
            )
        self._after = rows[-1].id or 0 if len(rows) == PAGE else 0
        by_run: dict[str, list[LedgerRow]] = {}
        for row in rows:
            by_run.setdefault(row.workflow_id, []).append(row)
        places = asyncio.Semaphore(AT_ONCE)

        async def one(workflow_id: str) -> int:
            async with places:
                return await self._settle(workflow_id, by_run[workflow_id], now)

        return sum(await asyncio.gather(*(one(workflow_id) for workflow_id in by_run)))

    async def _settle(self, workflow_id: str, rows: Sequence[LedgerRow], now: datetime) -> int:
        over = await self._over(workflow_id, rows, now)
        if not over:
            return 0
        settled = 0
        async with self._store.transaction() as session:
            await people.lock_all(session, [row.customer_id for row in rows])
            for row in rows:
                if row.enrolment in over:
                    assert row.id is not None
                    detail = f"its run is over: {over[row.enrolment]}"
                    settled += await settling.abandon(
                        session, row.id, attempt=row.attempt, detail=detail, now=now
                    )
        return settled

    async def _over(
        self, workflow_id: str, rows: Sequence[LedgerRow], now: datetime
    ) -> Mapping[str, str]:
        """Return how the enrolments of these messages ended; open ones are left out."""
        async with self._store.reading() as session:
            noted = await runs.of_workflow(session, workflow_id)
        found = await self._described(workflow_id)
        enrolments = dict.fromkeys(row.enrolment for row in rows)
        if found is None:
            old = [row for row in rows if row.decided_at < now - FORGOTTEN]
            return dict.fromkeys((row.enrolment for row in old), "Temporal does not know it")
        if found.status is not WorkflowExecutionStatus.RUNNING:
            assert found.status is not None
            return dict.fromkeys(enrolments, found.status.name.lower())
        # an open run under the same id may be a later one
        current = found.raw_description.workflow_execution_info.first_run_id
        order = [run.run_id for run in noted]
        if current not in order:
            return {}
        former = {run.enrolment for run in noted[: order.index(current)]}
        return dict.fromkeys(former.intersection(enrolments), "a later one goes on")

    async def _described(self, workflow_id: str) -> WorkflowExecutionDescription | None:
        """Ask Temporal for a run; None if it does not know the run.

        Raises:
            TemporalUnavailable: it does not answer.
        """
        try:
            return await self._client.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND and not has_no_namespace(error):
                return None
            raise TemporalUnavailable(
                f"Temporal does not say whether runs are open ({error.status.name.lower()})"
            ) from None
        except RuntimeError as error:  # no connection could be made
            raise TemporalUnavailable(f"Temporal does not answer: {error}") from None
