"""Sending domains that warm up: their standing, and the campaigns that wait for their budgets."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from pydantic import BaseModel
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.campaign_plan import CampaignPlan
from sojourn.domain.campaign_run import CampaignState
from sojourn.domain.messages import Channel
from sojourn.domain.ramp import Ladder, Turn, day_of
from sojourn.project import Project
from sojourn.sending.ramping import Ramp, counts
from sojourn.settings import Settings
from sojourn.store import campaigns, ramps
from sojourn.store.tables import RampDayRow, RampWordRow, RecipientRow


class Standing(BaseModel):
    """A sending domain today.

    Args:
        domain: the domain.
        ours: this installation's e-mails leave from it.
        level: its step, 1 for the first.
        steps: the number of steps of its ladder.
        budget: the most promotional e-mails of today; None: no limit.
        used: those of them that were claimed.
        turn: the decision about today.
        because: why.
        off: an operator took it off the ladder.
    """

    domain: str
    ours: bool
    level: int
    steps: int
    budget: int | None
    used: int
    turn: Turn
    because: str
    off: bool


@dataclass(frozen=True)
class Past:
    """The days of a domain, and the decisions about it, newest first."""

    days: Sequence[RampDayRow]
    words: Sequence[RampWordRow]


def day(settings: Settings) -> date:
    """Return today for an installation's ramps."""
    return day_of(datetime.now(UTC), settings.timezone)[0]


async def standing(
    session: AsyncSession, settings: Settings, project: Project, domain: str, ladder: Ladder
) -> Standing:
    """Return where a domain stands today; nothing is stored.

    Args:
        session: any session.
        settings: the settings of the installation.
        project: has the ladders.
        domain: the domain.
        ladder: the domain's ladder.

    Returns:
        Its standing.
    """
    row = await ramps.foreseen(session, domain, ladder, day(settings))
    found = await ramps.find(session, domain)
    ours = Ramp.of(settings, project)
    return Standing(
        domain=domain,
        ours=ours is not None and ours.domain == domain,
        level=row.level,
        steps=len(ladder.steps),
        budget=row.budget,
        used=row.used,
        turn=row.turn,
        because=row.because,
        off=found is not None and found.is_off,
    )


async def past(session: AsyncSession, domain: str, *, limit: int) -> Past:
    """Return the history of a domain.

    Args:
        session: any session.
        domain: the domain.
        limit: the most days and the most decisions.

    Returns:
        Its days, and the decisions.
    """
    return Past(
        await ramps.days(session, domain, limit=limit),
        await ramps.words(session, domain, limit=limit),
    )


async def waits_of(
    session: AsyncSession, settings: Settings, project: Project, campaign_id: str
) -> str:
    """Say what a campaign waits for if its domain has used up its day; empty if it does not wait.

    Args:
        session: any session.
        settings: the settings of the installation.
        project: has the ladders.
        campaign_id: the id of a campaign that was launched.

    Returns:
        A line for people.
    """
    ramp = Ramp.of(settings, project)
    row = await campaigns.find(session, campaign_id)
    if ramp is None or row is None or row.state is not CampaignState.RUNNING:
        return ""
    plan = CampaignPlan.model_validate(row.plan)
    if not any(counts(plan.model, channel) for channel in plan.channels):
        return ""
    allowance, _ = await ramp.foreseen(session)
    if not allowance.is_spent:
        return ""
    now = datetime.now(UTC)
    waiting = select(RecipientRow.id).where(
        RecipientRow.campaign == row.id,
        RecipientRow.lane == Channel.EMAIL.value,
        col(RecipientRow.next_at) > now,
        col(RecipientRow.due_at) <= now,
    )
    found = (await session.exec(waiting.limit(1))).first()
    return "" if found is None else allowance.waits
