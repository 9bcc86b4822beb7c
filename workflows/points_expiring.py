"""Have points of the loyalty programme spent before they expire."""

from datetime import datetime
from typing import cast

from sojourn import EMAIL, Journey, Message, days
from sojourn.events import PointsExpiring, PointsSpent
from workflows.times import TEN


class PointsExpire(
    Journey,
    name="points-expiring",
    topic="loyalty",
    starts_on=PointsExpiring,
    key="batch",
    anchor="expires_at",
    ends_on=PointsSpent,
):
    """Reminders at ten, local, two weeks and two days before points expire."""

    in_two_weeks = Message(EMAIL, useful_for=days(3))
    in_two_days = Message(EMAIL, useful_for=days(2))

    async def steps(self) -> None:
        """Remind twice, while no points have been spent."""
        await self.sleep_until(self.local(TEN, days=-14, after=self.expires_at))
        await self.send(self.in_two_weeks, until=self.expires_at)
        await self.sleep_until(self.local(TEN, days=-2, after=self.expires_at))
        await self.send(self.in_two_days, until=self.expires_at)

    @property
    def expires_at(self) -> datetime:
        """The moment at which the points expire, as last heard."""
        return cast(PointsExpiring, self.cause).expires_at
