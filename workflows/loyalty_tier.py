"""Congratulate customers on a tier of the loyalty programme."""

from activities.issue_code import issue_code
from sojourn import EMAIL, GIVE_WAY, Journey, Message, at_most, days
from sojourn.events import TierReached


class LoyaltyTier(
    Journey,
    name="loyalty-tier",
    topic="loyalty",
    starts_on=TierReached,
    restarts_on=TierReached,
):
    """Congratulations at once, with a coupon of 10 % if the shop issues one."""

    congratulations = Message(
        EMAIL,
        useful_for=days(2),
        at_most=at_most(1, per=days(180), key="tier"),
        at_cap=GIVE_WAY,
    )

    async def steps(self) -> None:
        """Congratulate, once for each tier in half a year."""
        issued = await self.call(issue_code, percent=10)
        await self.send(self.congratulations, code=issued.code if issued else "")
