"""The waits of runs, as Temporal's histories keep them."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ValidationError
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.service import RPCError

from sojourn.domain.messages import Enrolment
from sojourn.insight.runs import Run
from sojourn.journeys.queues import FIRST_WAIT

MOST_RUNS = 20
"""The most histories that are read for one story, of its newest runs."""
AT_ONCE = 5
ANSWER_TIMEOUT = timedelta(seconds=10)
PAST = timedelta(seconds=1)
"""A timer of at most this duration belongs to a wait whose end was past already."""
FIRST = 1
"""The number of a history's first event, which tells of the delay of the start."""


class Wait(BaseModel):
    """A wait of a run.

    Args:
        at: when it began, by the run's clock.
        text: the cause and the length of the wait.
        workflow_id: the run.
        journey: its journey.
        until: the planned end.
        ended: when it ended; None if the run still waits.
        came: True if its moment came; False if something woke the run before.
    """

    kind: Literal["wait"] = "wait"
    at: datetime
    text: str
    workflow_id: str
    journey: str
    until: datetime
    ended: datetime | None
    came: bool


async def waits_of(client: Client, runs: Sequence[Run]) -> list[Wait]:
    """Read the waits of runs.

    Args:
        client: the connected client.
        runs: the runs as Temporal lists them.

    Returns:
        The waits of the newest `MOST_RUNS`; a history that cannot be read has none.
    """
    turn = asyncio.Semaphore(AT_ONCE)
    newest = sorted(runs, key=lambda run: run.started, reverse=True)[:MOST_RUNS]

    async def one(run: Run) -> list[Wait]:
        async with turn:
            try:
                return await _waits(client, run)
            except RPCError:  # it was deleted or has expired: the story has the rest
                return []

    return [wait for some in await asyncio.gather(*map(one, newest)) for wait in some]


async def _waits(client: Client, run: Run) -> list[Wait]:
    handle = client.get_workflow_handle(run.workflow_id, run_id=run.run_id)
    shift = timedelta(0)
    begun: dict[int, Wait] = {}
    async for event in handle.fetch_history_events(rpc_timeout=ANSWER_TIMEOUT):
        at = event.event_time.ToDatetime(tzinfo=UTC) + shift
        match event.event_type:
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
                shift = await _clock(client, event)
                begun |= await _delay(client, event, run, at + shift)
            case EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED:
                _end_delay(begun, at)
            case EventType.EVENT_TYPE_TIMER_STARTED:
                lasts = event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta()
                if lasts > PAST:
                    begun[event.event_id] = Wait(
                        at=at,
                        text=await _summary(client, event),
                        workflow_id=run.workflow_id,
                        journey=run.journey,
                        until=at + lasts,
                        ended=None,
                        came=False,
                    )
            case EventType.EVENT_TYPE_TIMER_FIRED:
                _end(begun, event.timer_fired_event_attributes.started_event_id, at, came=True)
            case EventType.EVENT_TYPE_TIMER_CANCELED:
                _end(begun, event.timer_canceled_event_attributes.started_event_id, at, came=False)
    if run.closed is not None:
        closed = run.closed + shift
        return [w if w.ended else w.model_copy(update={"ended": closed}) for w in begun.values()]
    return list(begun.values())


async def _delay(client: Client, event: HistoryEvent, run: Run, at: datetime) -> dict[int, Wait]:
    """Return the first wait of a run, by the number of its start, if that was delayed for it."""
    started = event.workflow_execution_started_event_attributes
    lasts = started.first_workflow_task_backoff.ToTimedelta()
    if lasts <= PAST:
        return {}
    text = "wait"
    if FIRST_WAIT in started.memo.fields:
        (text,) = await client.data_converter.decode([started.memo.fields[FIRST_WAIT]], [str])
    return {
        event.event_id: Wait(
            at=at,
            text=text,
            workflow_id=run.workflow_id,
            journey=run.journey,
            until=at + lasts,
            ended=None,
            came=False,
        )
    }


def _end_delay(begun: dict[int, Wait], at: datetime) -> None:
    """End the delay of the start with the first task."""
    if FIRST in begun and begun[FIRST].ended is None:
        _end(begun, FIRST, at, came=at >= begun[FIRST].until)


def _end(begun: dict[int, Wait], number: int, at: datetime, *, came: bool) -> None:
    if number in begun:
        begun[number] = begun[number].model_copy(update={"ended": at, "came": came})


async def _summary(client: Client, event: HistoryEvent) -> str:
    if not event.user_metadata.HasField("summary"):
        return "wait"
    (text,) = await client.data_converter.decode([event.user_metadata.summary], [str])
    return str(text)


async def _clock(client: Client, event: HistoryEvent) -> timedelta:
    """Return how far the clock of a run was moved forward."""
    payloads = event.workflow_execution_started_event_attributes.input.payloads
    try:
        (enrolment,) = await client.data_converter.decode(payloads, [Enrolment])
    except (ValueError, ValidationError, RuntimeError):
        return timedelta(0)  # no run of ours
    clock: timedelta = enrolment.clock
    return clock
