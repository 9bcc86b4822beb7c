"""The clock of the time-skipping server, and the runs that hold it up.

The server does not skip while a run's workflow task is in flight. A run whose code fails, or whose
task is lost again and again, would hold up every other run forever: it is set aside.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from google.protobuf.empty_pb2 import Empty
from temporalio.api.enums.v1 import EventType
from temporalio.api.testservice.v1 import SleepRequest, SleepResponse, UnlockTimeSkippingRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from sojourn.domain.errors import Unavailable

LOOK = timedelta(seconds=5)
"""The time between two looks at a clock that does not skip."""
LOST = timedelta(minutes=1)
"""The time that a run may leave its task unanswered. A killed worker is back earlier, and the
server hands out a lost task again after ten seconds."""
STUCK = timedelta(minutes=10)
"""The time after which a replay ends if nothing moves."""
NAP = timedelta(milliseconds=100)
NAPS = 100
"""The number of naps after which ongoing work is no longer waited for."""
ASKED_AT_ONCE = 20


@dataclass(frozen=True)
class _Task:
    """A workflow task that a worker took and did not answer.

    Args:
        execution: the id of the run's execution.
        after: the number of the history event of the last answer.
        failed: the run's code has failed since.
    """

    execution: str
    after: int
    failed: bool


class VirtualClock:
    """Reads and moves the server's clock.

    Args:
        client: the connection to a time-skipping test server.
        open_runs: returns the workflow ids of the open runs.
        set_aside: called with each run that is ended because it holds up the clock, and the reason.
    """

    def __init__(
        self,
        client: Client,
        open_runs: Callable[[], Awaitable[Iterable[str]]],
        set_aside: Callable[[str, str], None],
    ) -> None:
        self._client = client
        self._open_runs = open_runs
        self._set_aside = set_aside
        self._is_served = False

    async def now(self) -> datetime:
        """Return the server's time."""
        return await server_time(self._client)

    async def sleep(self, duration: timedelta) -> None:
        """Move the clock, and let everything happen that is due on the way.

        A run that holds up the clock is ended and set aside.

        Args:
            duration: the length of virtual time.

        Raises:
            Unavailable: the server has gone, or nothing moves and no run is to blame.
        """
        request = SleepRequest()
        request.duration.FromTimedelta(duration)
        sleeping = asyncio.create_task(
            # by default a call is abandoned after half a minute, before a run that holds up the
            # clock is found
            self._client.test_service.unlock_time_skipping_with_sleep(request, timeout=2 * STUCK)
        )
        try:
            await self._watched(sleeping)
        except RPCError as error:
            raise Unavailable(_does_not_move(error.message)) from None
        finally:
            sleeping.cancel()

    async def rest(self) -> None:
        """Wait until no workflow task and no activity is in flight.

        The clock is moved by short naps. A nap that takes its full length was not skipped: while
        work is in flight, the server's clock runs like a real one.

        Raises:
            Unavailable: the server has gone, or nothing moves and no run is to blame.
        """
        elapsed = asyncio.get_running_loop().time
        await self._first_answer()
        for _ in range(NAPS):
            began = elapsed()
            await self.sleep(NAP)
            if elapsed() - began < NAP.total_seconds() / 2:
                return

    async def _first_answer(self) -> None:
        """Wait until a worker has answered a task.

        Until a worker asks for tasks, the server takes those that wait for no work, and skips.
        """
        elapsed = asyncio.get_running_loop().time
        began = elapsed()
        while not self._is_served and elapsed() - began < LOST.total_seconds():
            runs = list(await self._open_runs())
            self._is_served = any([await self._was_answered(run) for run in runs])
            if self._is_served or not runs:
                return
            await asyncio.sleep(NAP.total_seconds())

    async def _was_answered(self, run: str) -> bool:
        try:
            history = await self._client.get_workflow_handle(run).fetch_history()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        answered = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
        return any(event.event_type == answered for event in history.events)

    async def _watched(self, sleeping: "asyncio.Task[SleepResponse]") -> None:
        loop = asyncio.get_running_loop()
        since: dict[tuple[str, _Task], float] = {}
        moved, at = loop.time(), await self.now()
        while not (await asyncio.wait({sleeping}, timeout=LOOK.total_seconds()))[0]:
            before, at = at, await self.now()
            if at - before > 2 * LOOK:
                moved = loop.time()  # it skips, but much is due on the way
            tasks = await self._unanswered()
            seen = loop.time()
            if tasks.items() != since.keys():
                moved = seen
            since = {task: since.get(task, seen) for task in tasks.items()}
            for (run, task), first in since.items():
                if seen - first >= (LOOK if task.failed else LOST).total_seconds():
                    await self._end(run, task)
                    moved = seen
            if seen - moved > STUCK.total_seconds():
                raise Unavailable(_does_not_move("no run is to blame"))
        await sleeping

    async def _end(self, run: str, task: _Task) -> None:
        why = "its code fails" if task.failed else "its workflow task was lost"
        handle = self._client.get_workflow_handle(run, run_id=task.execution)
        try:
            await handle.terminate(f"sojourn replay: {why}")
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return  # it has ended in the meantime
        # the server never releases the lock of a task whose run was terminated
        await self._client.test_service.unlock_time_skipping(UnlockTimeSkippingRequest())
        self._set_aside(run, f"{why}: it was ended, and what it would have sent is not known")

    async def _unanswered(self) -> Mapping[str, _Task]:
        """Return the open runs whose newest workflow task was taken but not answered."""
        limit = asyncio.Semaphore(ASKED_AT_ONCE)

        async def ask(run: str) -> tuple[str, _Task | None]:
            async with limit:
                try:
                    return run, await self._task(run)
                except RPCError:  # unknown to the server, or no answer: the next look asks again
                    return run, None

        asked = await asyncio.gather(*(ask(run) for run in await self._open_runs()))
        return {run: task for run, task in asked if task is not None}

    async def _task(self, run: str) -> _Task | None:
        description = await self._client.get_workflow_handle(run).describe()
        if description.status is not WorkflowExecutionStatus.RUNNING:
            return None
        execution = description.run_id
        handle = self._client.get_workflow_handle(run, run_id=execution)
        after, waits, failed = 0, False, False
        async for event in handle.fetch_history_events():
            kind = event.event_type
            if kind == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
                after, waits, failed = event.event_id, False, False
            elif kind == EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED:
                waits = True  # one that is only scheduled may stand in a long queue
            elif kind == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
                failed = True
        return _Task(execution, after, failed) if waits else None


async def server_time(client: Client) -> datetime:
    """Return the time of a time-skipping test server."""
    answer = await client.test_service.get_current_time(Empty())
    return answer.time.ToDatetime(tzinfo=UTC)


def _does_not_move(why: str) -> str:
    return (
        f"the replay does not move ({why}): see worker.log in its folder (--keep FOLDER keeps it)"
    )
