"""The moment at which a run's wait really ended, as Temporal's history of the run tells it.

A delay that is made shorter while runs sleep does not wake them: their timers were set by the plan
of that day. This is asked only for a message that is about to be skipped as too late.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHandle

from sojourn.domain.messages import Delivery

PAST = timedelta(seconds=1)
"""The duration of a timer that a run sets for a wait that is past already."""

PUNCTUAL = timedelta(minutes=1)
"""A timer that fires no later than this was set by today's plan: servers take their time."""


async def replanned(delivery: Delivery) -> Delivery:
    """Return a message with the moment at which it fell due by the plan of its wait.

    Args:
        delivery: the message that this activity was asked to send.

    Returns:
        The message; nobody needs to ask again.

    Raises:
        temporalio.service.RPCError: Temporal does not answer now.
    """
    return by_plan_of(delivery, await _last_wait(delivery))


def by_plan_of(delivery: Delivery, ended: datetime | None) -> Delivery:
    """Return a message by the plan of its wait.

    Args:
        delivery: the message, by today's plan.
        ended: when the wait before it really ended, by the journey's clock; None: it had none.

    Returns:
        The message; nobody needs to ask again.
    """
    sure = delivery.model_copy(update={"useful_for": None})
    if ended is None or ended <= delivery.due + PUNCTUAL or delivery.useful_for is None:
        return sure
    useful = ended + delivery.useful_for
    if delivery.true_until is not None:
        useful = min(useful, delivery.true_until)
    return sure.model_copy(update={"due": ended, "useful_until": useful})


async def _last_wait(delivery: Delivery) -> datetime | None:
    """Return when the wait before the message ended, by the journey's clock.

    The timers of holds come after the message was first asked for, and do not count; nor does the
    timer of a wait that was past when it began, or of a plan that was given up: the steps have
    begun again since.
    """
    info = activity.info()
    assert info.workflow_id is not None, "a journey asked for the message"
    handle: WorkflowHandle[object, object] = activity.client().get_workflow_handle(
        info.workflow_id, run_id=info.workflow_run_id
    )
    before: list[HistoryEvent] = []
    async for event in handle.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            scheduled = event.activity_task_scheduled_event_attributes
            if scheduled.activity_id == info.activity_id:
                break
        before.append(event)
    ended = _last_timer(before, delivery.begun) or end_of_delay(before, delivery.begun)
    if ended is None:
        return None
    return ended + (delivery.now - info.scheduled_time)


def _last_timer(events: Sequence[HistoryEvent], begun: datetime | None) -> datetime | None:
    """Return when the last timer fired of steps that began at a moment."""
    lasted: dict[int, timedelta] = {}
    ended: datetime | None = None
    for event in events:
        if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED:
            if begun and _moment(event) < begun:
                continue
            started = event.timer_started_event_attributes
            lasted[event.event_id] = started.start_to_fire_timeout.ToTimedelta()
        elif event.event_type == EventType.EVENT_TYPE_TIMER_FIRED:
            timer = event.timer_fired_event_attributes.started_event_id
            if lasted.get(timer, PAST) > PAST:
                ended = _moment(event)
    return ended


def end_of_delay(events: Sequence[HistoryEvent], begun: datetime | None) -> datetime | None:
    """Return when the delay of a start ended.

    Args:
        events: of the run's history, from the first on.
        begun: when the steps last began; None: nobody knows.

    Returns:
        The moment; None if the start had no delay, if an update ended it early, or if the steps
        have begun again since.
    """
    until: datetime | None = None
    for event in events:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
            started = event.workflow_execution_started_event_attributes
            lasted = started.first_workflow_task_backoff.ToTimedelta()
            until = _moment(event) + lasted if lasted > PAST else None
        elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED:
            ended = _moment(event)
            # steps that have begun again since began in this task at the earliest
            stands = begun is None or begun < ended
            return ended if until is not None and until <= ended and stands else None
    return None


def _moment(event: HistoryEvent) -> datetime:
    return event.event_time.ToDatetime(tzinfo=UTC)
