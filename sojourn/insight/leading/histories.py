"""Temporal histories of open runs, read into plain records (`in_memory.course`)."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowExecution
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from sojourn.domain.errors import BadInput
from sojourn.domain.messages import Delivery, Enrolment, Heard
from sojourn.in_memory.course import Command, Course, Kind, Task
from sojourn.insight.workflows import NAMES
from sojourn.journeys.queues import JOURNEY, TASK_QUEUE
from sojourn.journeys.temporal import NOTE_STOP, STOPS_ARE_STORED

AT_ONCE = 20
"""The histories that are fetched at one time."""
_EVENT = {value: name.removeprefix("EVENT_TYPE_") for name, value in EventType.items()}


async def open_courses(
    client: Client, journeys: Collection[str] = ()
) -> AsyncGenerator[Course, None]:
    """Read the history of every open run.

    Args:
        client: connected.
        journeys: runs of these are ours, even if nothing else tells.

    Yields:
        The runs, in no order. One that has ended meanwhile is left out, and so is another
        program's workflow on our queue.

    Raises:
        BadInput: a history cannot be read.
    """
    waiting: set[asyncio.Task[Course | None]] = set()
    try:
        async for run in client.list_workflows("ExecutionStatus = 'Running'"):
            if not _is_ours(run, journeys):
                continue
            certain = run.workflow_type in journeys
            reading = course_of(client, run.id, run.run_id, certain=certain)
            waiting.add(asyncio.create_task(reading))
            if len(waiting) >= AT_ONCE:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for one in done:
                    if (course := one.result()) is not None:
                        yield course
        for course in await asyncio.gather(*waiting):
            if course is not None:
                yield course
    finally:
        for one in waiting:
            one.cancel()


def _is_ours(run: WorkflowExecution, journeys: Collection[str]) -> bool:
    if run.workflow_type in NAMES:
        return False
    marked = any(pair.key.name == JOURNEY.name for pair in run.typed_search_attributes)
    return marked or run.task_queue == TASK_QUEUE or run.workflow_type in journeys


async def course_of(
    client: Client, workflow_id: str, run_id: str | None = None, *, certain: bool = True
) -> Course | None:
    """Read the history of a run.

    Args:
        client: connected.
        workflow_id: the run's.
        run_id: of its execution; None: the present one.
        certain: it is a run of ours. False: if its start is no enrolment, it is none.

    Returns:
        The run; None if it is not open any more.

    Raises:
        BadInput: its history cannot be read.
    """
    handle = client.get_workflow_handle(workflow_id, run_id=run_id)
    try:
        history = await handle.fetch_history()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise BadInput(f"cannot read the history of {workflow_id}: {error.message}") from None
    last = _EVENT[history.events[-1].event_type]
    if last == "WORKFLOW_EXECUTION_CONTINUED_AS_NEW" and run_id is not None:
        return await course_of(client, workflow_id, certain=certain)  # it has meanwhile
    try:
        return await read(workflow_id, history.events, client.data_converter)
    except (ValueError, RuntimeError) as error:
        if not certain:
            return None
        raise BadInput(
            f"the history of {workflow_id} cannot be decoded: {type(error).__name__}"
        ) from None


async def read(
    workflow_id: str, events: Sequence[HistoryEvent], converter: DataConverter
) -> Course | None:
    """Read the events of a history.

    Args:
        workflow_id: the run's.
        events: of its present execution.
        converter: of the project: it may decrypt.

    Returns:
        The run; None if it has ended.
    """
    if _EVENT[events[-1].event_type] in _ENDS:
        return None
    started = events[0].workflow_execution_started_event_attributes
    (enrolment,) = await converter.decode(started.input.payloads, [Enrolment])
    reader = _Reader(converter)
    for event in events:
        await reader.take(event)
    return Course(
        workflow_id,
        started.workflow_type.name,
        enrolment,
        tuple(reader.tasks),
        reader.told.task(_moment(events[-1].event_time)),
        reader.cancelled,
    )


_ENDS = {
    "WORKFLOW_EXECUTION_COMPLETED",
    "WORKFLOW_EXECUTION_FAILED",
    "WORKFLOW_EXECUTION_TIMED_OUT",
    "WORKFLOW_EXECUTION_CANCELED",
    "WORKFLOW_EXECUTION_TERMINATED",
    "WORKFLOW_EXECUTION_CONTINUED_AS_NEW",
}


@dataclass
class _Told:
    """News for a run, between two of its tasks."""

    told: list[Heard] = field(default_factory=list)
    stopped: bool = False
    fired: set[int] = field(default_factory=set)
    answers: dict[int, Any] = field(default_factory=dict)
    failures: dict[int, str] = field(default_factory=dict)

    def task(self, at: datetime, *, outgrown: bool = False) -> Task:
        return Task(
            at,
            outgrown,
            tuple(self.told),
            self.stopped,
            frozenset(self.fired),
            self.answers,
            self.failures,
        )


class _Reader:
    """Reads the events of a history in their order."""

    def __init__(self, converter: DataConverter) -> None:
        self.tasks: list[Task] = []
        self.told = _Told()
        self.cancelled = False
        self._converter = converter
        self._began = (datetime.min.replace(tzinfo=UTC), False)
        self._notes: set[int] = set()
        self._stops_are_stored = False
        self._commands: list[Command] = []

    async def take(self, event: HistoryEvent) -> None:
        """Take in the next event."""
        do = getattr(self, f"_{_EVENT[event.event_type].lower()}", None)
        if do is not None:
            await do(event)

    # ---- tasks -----------------------------------------------------------------------------

    async def _workflow_task_started(self, event: HistoryEvent) -> None:
        said = event.workflow_task_started_event_attributes
        self._began = (_moment(event.event_time), said.suggest_continue_as_new)

    async def _workflow_task_completed(self, event: HistoryEvent) -> None:
        at, outgrown = self._began
        self.tasks.append(self.told.task(at, outgrown=outgrown))
        self.told = _Told()

    def _command(self, command: Command) -> None:
        task = self.tasks[-1]
        self.tasks[-1] = _with(task, commands=(*task.commands, command))

    # ---- what it is told -------------------------------------------------------------------

    async def _workflow_execution_signaled(self, event: HistoryEvent) -> None:
        said = event.workflow_execution_signaled_event_attributes
        self.told.told += await self._heard(said.input)

    async def _workflow_execution_update_accepted(self, event: HistoryEvent) -> None:
        """Take in an update: it reached the run in the task that it was accepted in."""
        said = event.workflow_execution_update_accepted_event_attributes.accepted_request.input
        task = self.tasks[-1]
        if said.name == "ask":
            self.tasks[-1] = _with(task, told=(*task.told, *await self._heard(said.args)))
        elif said.name == "stop" and not self._stops_are_stored:
            self.tasks[-1] = _with(task, stopped=True)

    async def _workflow_execution_cancel_requested(self, event: HistoryEvent) -> None:
        self.cancelled = True

    async def _timer_fired(self, event: HistoryEvent) -> None:
        self.told.fired.add(event.timer_fired_event_attributes.started_event_id)

    async def _activity_task_completed(self, event: HistoryEvent) -> None:
        said = event.activity_task_completed_event_attributes
        answer = await self._value(said.result)
        if said.scheduled_event_id in self._notes:
            self.told.told.append(Heard.model_validate(answer))
        else:
            self.told.answers[said.scheduled_event_id] = answer

    async def _activity_task_failed(self, event: HistoryEvent) -> None:
        said = event.activity_task_failed_event_attributes
        self.told.failures[said.scheduled_event_id] = await self._kind(said.failure)

    async def _activity_task_timed_out(self, event: HistoryEvent) -> None:
        said = event.activity_task_timed_out_event_attributes
        self.told.failures[said.scheduled_event_id] = await self._kind(said.failure)

    # ---- commands --------------------------------------------------------------------------

    async def _timer_started(self, event: HistoryEvent) -> None:
        lasts = event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta()
        at = _moment(event.event_time)
        self._command(Command(Kind.TIMER, number=event.event_id, at=at, lasts=lasts))

    async def _timer_canceled(self, event: HistoryEvent) -> None:
        self._command(Command(Kind.CANCEL_TIMER, number=event.event_id))

    async def _activity_task_scheduled(self, event: HistoryEvent) -> None:
        said = event.activity_task_scheduled_event_attributes
        name, number = said.activity_type.name, event.event_id
        given = None
        if name == NOTE_STOP:
            self._notes.add(number)
        elif name == "send":
            (given,) = await self._converter.decode(said.input.payloads, [Delivery])
        at = _moment(event.event_time)
        self._command(Command(Kind.ACTIVITY, name, said.activity_id, number, at, given=given))

    async def _activity_task_cancel_requested(self, event: HistoryEvent) -> None:
        self._command(Command(Kind.CANCEL_ACTIVITY, number=event.event_id))

    async def _marker_recorded(self, event: HistoryEvent) -> None:
        said = event.marker_recorded_event_attributes
        match said.marker_name:
            case "core_patch":
                told = await self._value(said.details["patch-data"])
                if told["id"] == STOPS_ARE_STORED:  # it comes after the update that it is about
                    self._stops_are_stored = True
                    self.tasks[-1] = _with(self.tasks[-1], stopped=False)
                self._command(Command(Kind.PATCH, told["id"], number=event.event_id))
            case "core_local_activity":
                told = await self._value(said.details["data"])
                answer = await self._value(said.details["result"])
                self._command(
                    Command(
                        Kind.LOCAL,
                        told["activity_type"],
                        number=event.event_id,
                        at=_read_moment(told.get("complete_time")),
                        answer=answer,
                    )
                )
            case name:
                self._command(Command(Kind.OTHER, name, number=event.event_id))

    # ---- values ----------------------------------------------------------------------------

    async def _heard(self, payloads: Payloads) -> list[Heard]:
        """Return the event of a signal; none if it is not one: the run has ignored it."""
        try:
            found = await self._converter.decode(payloads.payloads, [Heard])
        except (ValueError, RuntimeError):
            return []
        return [one for one in found if isinstance(one, Heard)]

    async def _value(self, payloads: Payloads) -> Any:
        found = await self._converter.decode(payloads.payloads)
        return found[0] if found else None

    async def _kind(self, failure: Failure) -> str:
        error = await self._converter.decode_failure(failure)
        if isinstance(error, ApplicationError):
            return error.type or "ApplicationError"
        return type(error).__name__


def _with(task: Task, **changed: Any) -> Task:
    return Task(**{**vars(task), **changed})


def _moment(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)


def _read_moment(told: Any) -> datetime | None:
    """Return the moment at which a local activity ended, as the SDK writes it."""
    if isinstance(told, dict):
        seconds = timedelta(seconds=int(told.get("seconds", 0)))
        micro = timedelta(microseconds=int(told.get("nanos", 0)) // 1000)
        return datetime(1970, 1, 1, tzinfo=UTC) + seconds + micro
    return datetime.fromisoformat(told) if isinstance(told, str) else None
