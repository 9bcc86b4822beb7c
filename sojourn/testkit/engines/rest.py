"""Find out whether a run is at rest: it has ended, or it sleeps until a timer or an event."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

TASK_TIME = timedelta(seconds=1)
"""The time that a task of a run may take; a run whose timer fires within it is busy."""

_LEFT_BY_A_TASK = frozenset(
    {
        EventType.EVENT_TYPE_MARKER_RECORDED,
        EventType.EVENT_TYPE_TIMER_CANCELED,
        EventType.EVENT_TYPE_TIMER_STARTED,
        EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED,
        EventType.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED,
    }
)
"""The events that the last task of a sleeping run may leave at the end of the history."""


async def busy(run: WorkflowHandle[Any, Any], now: Callable[[], Awaitable[datetime]]) -> str | None:
    """Return why a run is busy, or None if it is at rest.

    This reads the history. A query would be simpler, but a query that arrives at the moment at
    which a run continues as new can stop the test server for good.

    Args:
        run: the newest execution of its workflow id.
        now: returns the test server's time.

    Returns:
        The reason in words, for an error message.
    """
    try:
        described = await run.describe()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return None  # its start never reached the server
    if described.status is not WorkflowExecutionStatus.RUNNING:
        return None
    events = (await run.fetch_history()).events
    for event in reversed(events):
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            break
        if event.event_type not in _LEFT_BY_A_TASK:
            return f"its last event is {EventType.Name(events[-1].event_type)}"
    fires = _next_timer(events)
    # a timer begins when its task is done, a moment after the time that the run counted from
    if fires is not None and fires - TASK_TIME > await now():
        return None
    return "it has no timer" if fires is None else "its timer is due"


def _next_timer(events: Sequence[HistoryEvent]) -> datetime | None:
    """Return the moment at which the first running timer fires, or None if no timer runs."""
    over = {event.timer_fired_event_attributes.started_event_id for event in events}
    over |= {event.timer_canceled_event_attributes.started_event_id for event in events}
    return min(
        (
            event.event_time.ToDatetime(tzinfo=UTC)
            + event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta()
            for event in events
            if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED and event.event_id not in over
        ),
        default=None,
    )
