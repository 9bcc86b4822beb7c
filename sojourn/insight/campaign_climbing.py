"""The number of days that a campaign takes if its e-mails leave from a domain that warms up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.campaign_forecast import Arrival, Forecast
from sojourn.domain.campaign_plan import CampaignPlan
from sojourn.domain.messages import Channel
from sojourn.domain.ramp import Allowance, day_of
from sojourn.domain.ramp_forecast import ramped
from sojourn.project import Project
from sojourn.sending.ramping import Ramp, counts
from sojourn.settings import Settings


class Warming(BaseModel):
    """The domain that a campaign's e-mails leave from, if it warms up.

    Args:
        domain: the domain.
        level: its step today.
        budget: the most promotional e-mails of today.
        used: those of them that were claimed.
        days: the number of days on which messages leave, if it climbs a step after each.
    """

    domain: str
    level: int
    budget: int
    used: int
    days: int

    def __str__(self) -> str:
        """Return it for people."""
        return (
            f"{self.domain} warms up: step {self.level}, {self.used:,} of today's {self.budget:,} "
            f"have left. These take {self.days:,} days, if it climbs a step after each"
        )


@dataclass(frozen=True)
class Climb:
    """The budgets of the coming days for a campaign.

    Args:
        plan: the campaign's plan.
        ramp: the ramp of the sending domain; None: it has no budget.
        today: today's allowance; None without a ramp.
        level: the domain's step today.
    """

    plan: CampaignPlan
    ramp: Ramp | None
    today: Allowance | None = None
    level: int = 0

    @classmethod
    async def of(
        cls, session: AsyncSession, settings: Settings, project: Project, plan: CampaignPlan
    ) -> Self:
        """Read the standing of the installation's domain.

        Args:
            session: any session.
            settings: the settings of the installation.
            project: has the ladders.
            plan: the campaign's plan.

        Returns:
            The budgets.
        """
        ramp = Ramp.of(settings, project)
        if ramp is None:
            return cls(plan, None)
        today, level = await ramp.foreseen(session)
        return cls(plan, None if today.budget is None else ramp, today, level)

    def over(self, channel: Channel, arrivals: Sequence[Arrival]) -> Sequence[Arrival]:
        """Spread messages over the days that have room for them.

        Args:
            channel: the channel by which they leave.
            arrivals: when they could leave without a budget.

        Returns:
            When they may leave.
        """
        if self.ramp is None or self.today is None or not counts(self.plan.model, channel):
            return arrivals
        ladder, zone = self.ramp.ladder, self.ramp.timezone
        return list(ramped(arrivals, self.today, ladder, self.level, zone))

    def warming(self, course: Mapping[Channel, Forecast]) -> Warming | None:
        """Return the number of days that a course takes; None if no budget applies.

        Args:
            course: the forecast of each channel.

        Returns:
            The domain, and the days.
        """
        ramp, today = self.ramp, self.today
        if ramp is None or today is None or today.budget is None:
            return None
        hours = [
            hour
            for channel, one in course.items()
            if counts(self.plan.model, channel)
            for hour, _ in one.hours
        ]
        if not hours:
            return None
        return Warming(
            domain=ramp.domain,
            level=self.level,
            budget=today.budget,
            used=today.used,
            days=len({day_of(hour, ramp.timezone)[0] for hour in hours}),
        )
