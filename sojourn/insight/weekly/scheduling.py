"""The schedule of the weekly report, which Temporal keeps."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleHandle,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from sojourn.campaigns.scheduling import calendar_of
from sojourn.domain.errors import BadInput, TemporalUnavailable
from sojourn.domain.recurring import Recurring
from sojourn.insight.weekly.workflow import FIRING
from sojourn.journeys.queues import TASK_QUEUE

SCHEDULE = "weekly-report"
"""Its id; a firing is called after it and its moment."""
CATCH_UP = timedelta(days=1)
"""A firing that Temporal missed is made up for within this time."""


@dataclass(frozen=True)
class Scheduled:
    """The standing of the schedule.

    Args:
        moments: the next ones; none: it is not scheduled.
        is_paused: somebody paused it in Temporal's UI.
    """

    moments: tuple[datetime, ...] = ()
    is_paused: bool = False


async def schedule(
    client: Client, when: Recurring, timezone: str, *, task_queue: str = TASK_QUEUE
) -> Scheduled:
    """Have the report sent each week; scheduled again, the new hour holds.

    Args:
        client: connected.
        when: the weekday and the hour.
        timezone: by whose clocks; IANA's name.
        task_queue: of the journeys.

    Returns:
        The next moments.

    Raises:
        TemporalUnavailable: no server answers.
    """
    asked = Schedule(
        action=ScheduleActionStartWorkflow(
            FIRING, id=SCHEDULE, task_queue=task_queue, static_summary="weekly report"
        ),
        spec=ScheduleSpec(calendars=[calendar_of(when)], time_zone_name=timezone),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.ALLOW_ALL, catchup_window=CATCH_UP),
    )

    async def changed(was: ScheduleUpdateInput) -> ScheduleUpdate:
        asked.state = was.description.schedule.state  # a pause in Temporal's UI stays one
        return ScheduleUpdate(schedule=asked)

    try:
        await client.create_schedule(SCHEDULE, asked)
    except ScheduleAlreadyRunningError:
        await _handle(client).update(changed)
    except (RPCError, RuntimeError) as error:
        raise _unavailable(error) from None
    return await scheduled(client)


async def unschedule(client: Client) -> None:
    """Send no report any more.

    Raises:
        BadInput: it is not scheduled.
        TemporalUnavailable: no server answers.
    """
    try:
        await _handle(client).delete()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise BadInput("the weekly report is not scheduled") from None
        raise _unavailable(error) from None
    except RuntimeError as error:
        raise _unavailable(error) from None


async def scheduled(client: Client) -> Scheduled:
    """Return where the schedule stands.

    Raises:
        TemporalUnavailable: no server answers.
    """
    try:
        found = await _handle(client).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return Scheduled()
        raise _unavailable(error) from None
    except RuntimeError as error:
        raise _unavailable(error) from None
    return Scheduled(tuple(found.info.next_action_times), found.schedule.state.paused)


def _handle(client: Client) -> ScheduleHandle:
    return client.get_schedule_handle(SCHEDULE)


def _unavailable(error: Exception) -> TemporalUnavailable:
    return TemporalUnavailable(
        "Temporal does not tell or change the schedule of the weekly report "
        f"({type(error).__name__}): do it again"
    )
