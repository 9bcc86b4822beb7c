"""Schedules of campaigns that recur, which Temporal keeps."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleHandle,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from sojourn.campaigns.approving import check_approved, check_unchanged
from sojourn.campaigns.launching import digest_of
from sojourn.campaigns.occurrences import WORKFLOW, Occurrence
from sojourn.dispatch import Sojourn
from sojourn.domain.campaign import Campaign
from sojourn.domain.errors import BadInput, TemporalUnavailable
from sojourn.domain.recurring import Recurring, day_at
from sojourn.store import campaigns

PREFIX = "campaign:"
"""The beginning of the id of a schedule."""
FIRST_ZONE = "Etc/GMT-14"
"""The zone furthest ahead, UTC+14: an occurrence fires when its hour comes there."""
CATCH_UP = timedelta(hours=1)
"""A firing that Temporal missed is made up for within this time, and not after it."""


@dataclass(frozen=True)
class Scheduled:
    """The standing of the schedule of a campaign.

    Args:
        days: of the next occurrences; none: it is not scheduled.
        approved: the digest that was approved.
        is_paused: somebody paused it in Temporal's UI.
    """

    days: list[date] = field(default_factory=list)
    approved: str = ""
    is_paused: bool = False


async def schedule(
    sojourn: Sojourn, campaign: Campaign, *, by: str, approved: str, because: str = ""
) -> Scheduled:
    """Schedule the occurrences of a campaign; scheduled again, the new approval holds.

    Args:
        sojourn: connected.
        campaign: of the project; it recurs.
        by: who approves it.
        approved: the digest that was approved (`digest_of`).
        because: why, in their words.

    Returns:
        The next occurrences.

    Raises:
        BadInput: it does not recur, something has changed since it was approved, or somebody else
            has to approve it.
        TemporalUnavailable: no server answers.
    """
    if not isinstance(campaign.when, Recurring):
        raise BadInput(
            f"{campaign.name} is sent {campaign.when}: launch it, or give it daily(), weekly() or "
            "monthly()"
        )
    digest = digest_of(sojourn, campaign)
    check_unchanged(campaign, approved, digest)
    async with sojourn.store.reading() as session:
        asks = sojourn.settings.campaign_approval
        await check_approved(session, campaign, digest, by=by, asks=asks)
    if campaign.articles is not None:
        campaign.articles.addresses()  # an unset one is reported now, not when it is to be read
    asked = _schedule(sojourn, campaign, campaign.when, by=by, approved=approved)

    async def changed(was: ScheduleUpdateInput) -> ScheduleUpdate:
        asked.state = was.description.schedule.state  # a pause in Temporal's UI stays one
        return ScheduleUpdate(schedule=asked)

    try:
        await sojourn.client.create_schedule(PREFIX + campaign.name, asked)
    except ScheduleAlreadyRunningError:
        await _handle(sojourn, campaign.name).update(changed)
    except (RPCError, RuntimeError) as error:
        raise _unavailable(campaign.name, error) from None
    async with sojourn.store.transaction() as session:
        campaigns.note(session, campaign.name, "schedule", by=by, because=because, digest=approved)
    return await scheduled(sojourn, campaign.name)


async def unschedule(sojourn: Sojourn, name: str, *, by: str, because: str) -> None:
    """Launch no further occurrence; those that are launched go on.

    Args:
        sojourn: connected.
        name: of the campaign, which the project need not have any more.
        by: who does it.
        because: why.

    Raises:
        BadInput: it is not scheduled.
        TemporalUnavailable: no server answers.
    """
    try:
        await _handle(sojourn, name).delete()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise BadInput(f"{name} is not scheduled") from None
        raise _unavailable(name, error) from None
    except RuntimeError as error:
        raise _unavailable(name, error) from None
    async with sojourn.store.transaction() as session:
        campaigns.note(session, name, "unschedule", by=by, because=because)


async def scheduled(sojourn: Sojourn, name: str) -> Scheduled:
    """Return where the schedule of a campaign stands.

    Raises:
        TemporalUnavailable: no server answers.
    """
    try:
        found = await _handle(sojourn, name).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return Scheduled()
        raise _unavailable(name, error) from None
    except RuntimeError as error:
        raise _unavailable(name, error) from None
    action = found.schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow), "a schedule of ours starts a workflow"
    (asked,) = await sojourn.client.data_converter.decode(action.args, [Occurrence])
    return Scheduled(
        days=[day_at(one) for one in found.info.next_action_times],
        approved=asked.approved,
        is_paused=found.schedule.state.paused,
    )


async def every(sojourn: Sojourn, campaigns_: Iterable[Campaign]) -> dict[str, Scheduled]:
    """Return where the schedules of those campaigns that recur stand, by name.

    Raises:
        TemporalUnavailable: no server answers.
    """
    recurring = [one.name for one in campaigns_ if isinstance(one.when, Recurring)]
    return {name: await scheduled(sojourn, name) for name in recurring}


def _handle(sojourn: Sojourn, name: str) -> ScheduleHandle:
    return sojourn.client.get_schedule_handle(PREFIX + name)


def _schedule(
    sojourn: Sojourn, campaign: Campaign, when: Recurring, *, by: str, approved: str
) -> Schedule:
    asked = Occurrence(campaign=campaign.name, approved=approved, by=by)
    return Schedule(
        action=ScheduleActionStartWorkflow(
            WORKFLOW,
            asked,
            id=f"occurrence:{campaign.name}",
            task_queue=sojourn.task_queue,
            static_summary=f"{campaign.name}, {when}",
        ),
        spec=ScheduleSpec(calendars=[calendar_of(when)], time_zone_name=FIRST_ZONE),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCH_UP),
    )


def calendar_of(when: Recurring) -> ScheduleCalendarSpec:
    """Return the weekdays and the hour of a campaign that recurs, in the words of Temporal."""
    days_of_month = ScheduleRange(1, 31) if when.day is None else ScheduleRange(when.day)
    # Temporal's weekdays begin with Sunday, which is 0
    weekdays = (
        ScheduleRange(0, 6) if when.weekday is None else ScheduleRange((when.weekday + 1) % 7)
    )
    return ScheduleCalendarSpec(
        hour=[ScheduleRange(when.local.hour)],
        minute=[ScheduleRange(when.local.minute)],
        day_of_month=[days_of_month],
        day_of_week=[weekdays],
        comment=str(when),
    )


def _unavailable(name: str, error: Exception) -> TemporalUnavailable:
    return TemporalUnavailable(
        f"Temporal does not tell or change the schedule of {name} ({type(error).__name__}): do it "
        "again"
    )
