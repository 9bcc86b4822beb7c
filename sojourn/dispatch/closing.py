"""Closing: the store learns from Temporal that runs have ended, by themselves or otherwise.

An event is sent to the runs that were not found closed. Nobody would find out that a run has ended
until the customer's next event, which may never come, and the rows of a busy customer would pile
up. So a worker asks Temporal's visibility what has closed since the last look.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from sojourn.dispatch.telling import has_no_namespace
from sojourn.domain.errors import TemporalUnavailable
from sojourn.store import Store, runs

PAGE = 200
LAG = timedelta(minutes=1)
"""The time that Temporal's visibility may be behind: that part is looked at again."""
FIRST = timedelta(days=7)
"""The first look goes back by this much."""
ANSWER_TIME = timedelta(seconds=10)


@dataclass(frozen=True)
class _Now:
    """The present state of a workflow id.

    Args:
        first_run_id: the first execution of the chain that runs; None: none runs.
        closed_at: when the last one ended, if none runs.
    """

    first_run_id: str | None
    closed_at: datetime | None


class Closing:
    """Looks at what has closed since the last look; one worker at a time does."""

    def __init__(self, store: Store, client: Client, *, every: timedelta) -> None:
        """Begin where the last look of any worker ended.

        Args:
            store: open.
            client: of the runs.
            every: the time between two looks.
        """
        self._store = store
        self._client = client
        self._every = every

    async def look(self) -> int:
        """Note the ends of runs since the last look.

        Returns:
            The number of runs that were noted as closed.

        Raises:
            TemporalUnavailable: it does not say which runs have closed.
        """
        now = datetime.now(UTC)
        async with self._store.transaction() as session:
            turn = await runs.take_turn(session, now, every=self._every)
        if not turn.is_ours:
            return 0
        closed = 0
        async for page in self._closed_since(turn.until or now - FIRST):
            closed += await self._note(page)
        async with self._store.transaction() as session:
            await runs.looked_until(session, now - LAG)
        return closed

    async def _closed_since(self, since: datetime) -> AsyncIterator[list[WorkflowExecution]]:
        query = (
            "Journey IS NOT NULL AND ExecutionStatus != 'Running' AND ExecutionStatus != "
            f"'ContinuedAsNew' AND CloseTime >= '{since:%Y-%m-%dT%H:%M:%S.%fZ}'"
        )
        page: list[WorkflowExecution] = []
        try:
            async for one in self._client.list_workflows(query, rpc_timeout=ANSWER_TIME):
                page.append(one)
                if len(page) == PAGE:
                    yield page
                    page = []
        except (RPCError, RuntimeError) as error:  # RuntimeError: no connection could be made
            raise TemporalUnavailable(f"Temporal does not say what has closed: {error}") from None
        if page:
            yield page

    async def _note(self, ended: Sequence[WorkflowExecution]) -> int:
        ids = {one.id for one in ended}
        async with self._store.reading() as session:
            rows = await runs.maybe_open_with(session, ids)
        at = {one.run_id: one.close_time for one in ended}
        over = {row.id: at[row.run_id] for row in rows if row.run_id in at}
        # a run that has continued as new has ended under another execution's id
        left = [row for row in rows if row.id not in over]
        now = {each: await self._now(each) for each in {row.workflow_id for row in left}}
        for row in left:
            found = now[row.workflow_id]
            if found is not None and row.run_id != found.first_run_id:
                over[row.id] = found.closed_at
        if not over:
            return 0
        async with self._store.transaction() as session:
            return await runs.close(session, {number: at for number, at in over.items() if number})

    async def _now(self, workflow_id: str) -> _Now | None:
        """Ask Temporal for a workflow id; None if it does not know it."""
        try:
            found = await self._client.get_workflow_handle(workflow_id).describe(
                rpc_timeout=ANSWER_TIME
            )
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND and not has_no_namespace(error):
                return None
            raise TemporalUnavailable(
                f"Temporal does not say whether runs are open ({error.status.name.lower()})"
            ) from None
        except RuntimeError as error:  # no connection could be made
            raise TemporalUnavailable(f"Temporal does not answer: {error}") from None
        if found.status is not WorkflowExecutionStatus.RUNNING:
            return _Now(None, found.close_time)
        return _Now(found.raw_description.workflow_execution_info.first_run_id, None)
