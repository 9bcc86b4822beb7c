"""The workflows of the weekly report: a firing of its schedule, and the report of one week.

The report of a week is called after its Monday, and Temporal runs one of a name: a schedule that is
moved to a later hour on a Monday sends nothing twice. A reader is named by a digest: no address is
in a history. Each e-mail is an activity: one that fails sends no other one again.
"""

import asyncio
from collections import Counter
from datetime import date, datetime, timedelta

from pydantic import BaseModel, ConfigDict
from temporalio import workflow
from temporalio.common import Priority, RetryPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from sojourn.campaigns.occurrences import SCHEDULED
    from sojourn.domain.messages import Channel, MessageClass
    from sojourn.journeys.queues import PRIORITIES, channel_queue

FIRING, WORKFLOW = "WeeklyFiring", "WeeklyReport"
PREFIX = "weekly-report:"
"""The beginning of the id of a week's report, before its Monday."""
BEGIN = "begin-weekly-report"
SEND = "send-weekly-report"
RETRIES = RetryPolicy(initial_interval=timedelta(seconds=5), maximum_interval=timedelta(minutes=30))
OF_USE = timedelta(days=3)
"""The time after which a report that could not be sent is given up."""
TIMEOUT = timedelta(minutes=1)
FAILED, BEFORE = "failed", "sent_before"


class Week(BaseModel):
    """A week that is reported on.

    Args:
        first: its Monday.
        readers: digests of the addresses that get the report.
    """

    model_config = ConfigDict(frozen=True)

    first: date
    readers: tuple[str, ...]


class Letter(BaseModel):
    """The report of a week to one reader.

    Args:
        first: the Monday of the week.
        reader: the digest of the address.
    """

    model_config = ConfigDict(frozen=True)

    first: date
    reader: str


@workflow.defn(name=FIRING)
class WeeklyFiring:
    """A firing of the schedule."""

    @workflow.run
    async def run(self) -> dict[str, int]:
        """Have the report of the last week sent; return how many readers it has, by outcome."""
        fired: datetime = workflow.info().typed_search_attributes.get(SCHEDULED) or workflow.now()
        week: Week = await workflow.execute_activity(
            BEGIN,
            fired,
            result_type=Week,
            start_to_close_timeout=TIMEOUT,
            schedule_to_close_timeout=OF_USE,
            retry_policy=RETRIES,
        )
        try:
            ended: dict[str, int] = await workflow.execute_child_workflow(
                WORKFLOW,
                week,
                result_type=dict[str, int],
                id=f"{PREFIX}{week.first}",
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                static_summary=f"week of {week.first}",
            )
        except WorkflowAlreadyStartedError:
            return {BEFORE: len(week.readers)}
        return ended


@workflow.defn(name=WORKFLOW)
class WeeklyReport:
    """The report of one week."""

    @workflow.run
    async def run(self, week: Week) -> dict[str, int]:
        """Send it to each reader; return how many readers it has, by outcome."""
        ended = await asyncio.gather(*(_sent(week, one) for one in week.readers))
        return dict(sorted(Counter(ended).items()))


async def _sent(week: Week, reader: str) -> str:
    try:
        said: str = await workflow.execute_activity(
            SEND,
            Letter(first=week.first, reader=reader),
            result_type=str,
            task_queue=channel_queue(Channel.EMAIL, workflow.info().task_queue),
            summary=f"week of {week.first}",
            start_to_close_timeout=TIMEOUT,
            schedule_to_close_timeout=OF_USE,
            retry_policy=RETRIES,
            priority=Priority(priority_key=PRIORITIES[MessageClass.PROMOTIONAL]),
        )
    except ActivityError:
        return FAILED
    return said
