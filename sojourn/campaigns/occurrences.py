"""The occurrences of a campaign that recurs: a schedule fires, and one of them is launched."""

from datetime import date, datetime, timedelta

import structlog
from pydantic import BaseModel, ConfigDict
from temporalio import activity, workflow
from temporalio.common import RetryPolicy, SearchAttributeKey

with workflow.unsafe.imports_passed_through():
    from sojourn.campaigns import launching
    from sojourn.campaigns.activities import told
    from sojourn.dispatch import Sojourn
    from sojourn.domain.errors import BadInput
    from sojourn.domain.recurring import day_at
    from sojourn.store import campaigns

WORKFLOW = "CampaignOccurrence"
LAUNCH = "launch-occurrence"
SCHEDULED: SearchAttributeKey[datetime] = SearchAttributeKey.for_datetime(
    "TemporalScheduledStartTime"
)
"""The moment at which the schedule was to fire; a late firing has it, too."""
RETRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))
TIMEOUT = timedelta(minutes=1)

log = structlog.stdlib.get_logger("sojourn.campaigns")


class Occurrence(BaseModel):
    """An occurrence that is to be launched.

    Args:
        campaign: the campaign's name.
        approved: the digest that was approved when it was scheduled.
        by: who scheduled it.
        day: of the occurrence; None: of the firing.
    """

    model_config = ConfigDict(frozen=True)

    campaign: str
    approved: str
    by: str
    day: date | None = None


@workflow.defn(name=WORKFLOW)
class CampaignOccurrence:
    """A firing of the schedule of a campaign."""

    @workflow.run
    async def run(self, asked: Occurrence) -> str:
        """Launch the occurrence of the day that begins."""
        fired = workflow.info().typed_search_attributes.get(SCHEDULED) or workflow.now()
        due = asked.model_copy(update={"day": asked.day or day_at(fired)})
        said: str = await workflow.execute_activity(
            LAUNCH,
            due,
            result_type=str,
            summary=f"{due.campaign} of {due.day}",
            start_to_close_timeout=TIMEOUT,
            retry_policy=RETRIES,
        )
        return said


class Occurrences:
    """The activity.

    Args:
        sojourn: connected.
    """

    def __init__(self, sojourn: Sojourn) -> None:
        self._sojourn = sojourn

    @activity.defn(name=LAUNCH)
    async def launch(self, due: Occurrence) -> str:
        """Launch an occurrence, by the code that an operator's launch takes.

        If the campaign differs from what was approved, nothing is sent, and the operators are told:
        by the log, and by the campaign's words.
        """
        with told():
            try:
                return await self._launched(due)
            except BadInput as error:
                log.error("an occurrence is not sent", campaign=due.campaign, because=str(error))
                async with self._sojourn.store.transaction() as session:
                    campaigns.note(
                        session,
                        due.campaign,
                        "refuse",
                        by="schedule",
                        because=f"{due.day}: {error}",
                    )
                return f"refused: {error}"

    async def _launched(self, due: Occurrence) -> str:
        campaign = self._sojourn.project.campaigns.get(due.campaign)
        if campaign is None:
            raise BadInput(
                f"the project has no campaign {due.campaign} any more: sojourn campaign unschedule"
            )
        counts, new = await launching.launch(
            self._sojourn,
            campaign,
            by=due.by,
            approved=due.approved,
            occasion=due.day.isoformat() if due.day else "",
        )
        return f"launched {counts.campaign}" if new else f"{counts.campaign} was launched before"
