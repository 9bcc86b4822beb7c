"""Temporal's time-skipping test server as the engine of a journey's test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from google.protobuf.empty_pb2 import Empty
from temporalio.api.testservice.v1 import SleepRequest
from temporalio.api.workflowservice.v1 import ListOpenWorkflowExecutionsRequest
from temporalio.client import Client, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode

from sojourn.dispatch.outcomes import Ended, enrolments
from sojourn.dispatch.telling import Teller, Tells
from sojourn.domain.errors import Unavailable
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.serving import worker
from sojourn.settings import Settings
from sojourn.store import Store
from sojourn.store.tables import RunRow
from sojourn.testkit.engines import rest

IDLE_SECONDS = 30.0
FIRST_PAUSE, LONGEST_PAUSE = 0.004, 0.03
"""The seconds between two checks of a busy run, since each check slows down the run."""
ANSWER_SECONDS = 4.0
BROKEN = (RPCStatusCode.UNAVAILABLE, RPCStatusCode.UNKNOWN, RPCStatusCode.INTERNAL)
"""The answers of a client whose connection broke: a gateway that is gone, a fault of HTTP/2."""
MOST_BREAKS = 3

T = TypeVar("T")


class OnTemporal:
    """The test server, on which a worker of the test serves.

    Args:
        client: connected to a time-skipping server.
        task_queue: of the journeys.
        journeys: of the project.
    """

    has_server = True

    def __init__(self, client: Client, task_queue: str, journeys: Journeys) -> None:
        self.client = client
        self.task_queue = task_queue
        self.teller: Tells = Teller(client, task_queue, journeys)

    async def now(self) -> datetime:
        """Return the server's clock."""
        answer = await self.client.test_service.get_current_time(Empty())
        return answer.time.ToDatetime(tzinfo=UTC)

    async def begins(self, clock: timedelta) -> None:
        """Leave it: enrolments carry the difference."""

    async def advance(self, duration: timedelta) -> None:
        """Let the server skip time.

        A connection that breaks on the way, as it may where the machine is busy, is made again, and
        what is left of the time is skipped then.

        Raises:
            Unavailable: the server's clock stands still; the message names the runs that hold it.
        """
        until, left = await self.now() + duration, duration
        for breaks in range(MOST_BREAKS + 1):
            request = SleepRequest()
            request.duration.FromTimedelta(left)
            try:
                await self.client.test_service.unlock_time_skipping_with_sleep(
                    request, timeout=timedelta(seconds=IDLE_SECONDS)
                )
            except RPCError as error:
                if breaks == MOST_BREAKS or error.status not in BROKEN:
                    raise Unavailable(
                        f"the test server's clock stands still ({error}): "
                        f"{await self._holding_time()}"
                    ) from None
            else:
                return
            if (left := until - await self.now()) <= timedelta(0):
                return

    async def rest(self, workflow_ids: Iterable[str]) -> None:
        """Wait until each run sleeps or has ended.

        Raises:
            Unavailable: a run is still busy after half a minute; the message says why.
        """
        deadline = asyncio.get_running_loop().time() + IDLE_SECONDS
        for workflow_id in workflow_ids:
            handle, pause = self.client.get_workflow_handle(workflow_id), FIRST_PAUSE
            while (busy := await _answered(partial(rest.busy, handle, self.now))) is not None:
                if asyncio.get_running_loop().time() > deadline:
                    raise Unavailable(f"{handle.id} does not come to rest: {busy}")
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    async def ends(self, run: RunRow) -> list[Ended]:
        """Follow the executions of a run.

        Raises:
            Unavailable: the server does not answer for half a minute.
        """
        deadline = asyncio.get_running_loop().time() + IDLE_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            try:  # now and then the test server never answers
                async with asyncio.timeout(ANSWER_SECONDS):
                    return [
                        one async for one in enrolments(self.client, run.workflow_id, run.run_id)
                    ]
            except TimeoutError:
                continue
        raise Unavailable("the test server does not say how the runs ended")

    async def stop(self, workflow_id: str, reason: str) -> None:
        """Send the update that an operator sends."""
        await self.client.get_workflow_handle(workflow_id).execute_update("stop", reason)

    async def terminate(self, workflow_ids: Iterable[str]) -> None:
        """Terminate runs, so that they do not stop the clock of the next test.

        A run is only terminated at rest: if it ended in the middle of a task, or were left open and
        woke without a worker, it would stop the test server's clock for good.
        """
        ids = [*workflow_ids]
        await self.rest(ids)
        for workflow_id in ids:
            try:
                await self.client.get_workflow_handle(workflow_id).terminate("the test is over")
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise

    async def status(self, workflow_id: str) -> dict[str, Any]:
        """Query a run."""
        handle = self.client.get_workflow_handle(workflow_id)
        answer: dict[str, Any] = await handle.query("status")
        return answer

    async def histories(self, runs: Iterable[RunRow]) -> list[WorkflowHistory]:
        """Fetch the history of each execution."""
        found: dict[str, WorkflowHistory] = {}
        for run in runs:
            async for ended in enrolments(self.client, run.workflow_id, run.run_id):
                if ended.run_id not in found:
                    handle = self.client.get_workflow_handle(run.workflow_id, run_id=ended.run_id)
                    found[ended.run_id] = await handle.fetch_history()
        return list(found.values())

    async def _holding_time(self) -> str:
        """Return the server's open runs that are not at rest and so hold up its clock, in words."""
        request = ListOpenWorkflowExecutionsRequest(namespace=self.client.namespace)
        answer = await self.client.workflow_service.list_open_workflow_executions(request)
        found = []
        for one in answer.executions:
            run = one.execution
            handle = self.client.get_workflow_handle(run.workflow_id, run_id=run.run_id)
            why = await _answered(partial(rest.busy, handle, self.now))
            if why is not None:
                found.append(f"{run.workflow_id}: {why}")
        return "; ".join(found) or f"all {len(answer.executions)} open runs are at rest"


@asynccontextmanager
async def serving(
    client: Client, store: Store, settings: Settings, project: Project, task_queue: str
) -> AsyncIterator[OnTemporal]:
    """Serve a project's journeys on the test server, with a queue of the test's own.

    Args:
        client: connected to a time-skipping server.
        store: open.
        settings: of the installation under test.
        project: with the journeys.
        task_queue: of the journeys.

    Yields:
        The engine.
    """
    async with worker.serving(client, store, settings, project, task_queue=task_queue):
        yield OnTemporal(client, task_queue, project.journeys)


async def _answered(ask: Callable[[], Awaitable[str | None]]) -> str | None:
    """Ask within a time limit: now and then the test server never answers.

    The answer None means that there is nothing to wait for.
    """
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await ask()
    except TimeoutError:
        return "it does not answer"
