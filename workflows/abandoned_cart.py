"""Bring shoppers back to the cart they left."""

from activities.issue_code import issue_code
from sojourn import EMAIL, PUSH, SMS, Journey, Message, days, hours
from sojourn.events import OrderCompleted, ProductAdded


class AbandonedCart(
    Journey,
    name="abandoned-cart",
    topic="cart",
    starts_on=ProductAdded,
    key="cart_id",
    goal=OrderCompleted,
    restarts_on=ProductAdded,
):
    """A day after the last product: a reminder. Two days on: a nudge. Four more: 10 % off."""

    reminder = Message(EMAIL, useful_for=hours(24))
    nudge = Message(PUSH, SMS, useful_for=hours(24))
    offer = Message(EMAIL, useful_for=days(2))

    async def steps(self) -> None:
        """Wait out the shopping, then say three things, ever further apart."""
        await self.quiet_for(hours(24), of=ProductAdded)
        await self.send(self.reminder)
        await self.sleep(days(2))
        await self.send(self.nudge)
        await self.sleep(days(4))
        if not self.patched("issue-code"):  # a run from before the shop issued codes
            await self.send(self.offer)
        elif issued := await self.call(issue_code, percent=10):
            await self.send(self.offer, code=issued.code)
