"""Bring shoppers back to the cart they left."""

from datetime import timedelta

from temporalio import workflow

from sojourn.domain.events import OrderCompleted, ProductAdded
from sojourn.domain.messages import Channel, Enrolment, Message, Result
from sojourn.journeys.journey import Journey

REMINDER = Message(
    step="reminder", channels=(Channel.EMAIL,), topic="cart", useful_for=timedelta(days=1)
)
NUDGE = Message(
    step="nudge",
    channels=(Channel.PUSH, Channel.SMS),
    topic="cart",
    useful_for=timedelta(days=1),
)
OFFER = Message(step="offer", channels=(Channel.EMAIL,), topic="cart", useful_for=timedelta(days=2))


@workflow.defn(name="abandoned-cart")
class AbandonedCart(
    Journey,
    starts_on=ProductAdded,
    key="cart_id",
    goal=OrderCompleted,
    restarts_on=ProductAdded,
):
    """A day after the last product: a reminder. Two days on: a nudge. Four more: 10 % off."""

    async def steps(self) -> None:
        """Wait out the shopping, then say three things, ever further apart."""
        await self.quiet_for(timedelta(hours=24), of=ProductAdded)
        await self.send(REMINDER)
        await self.sleep(timedelta(days=2))
        await self.send(NUDGE)
        await self.sleep(timedelta(days=4))
        await self.send(OFFER)

    @workflow.run
    async def run(self, enrolment: Enrolment) -> Result:
        """One cart of one customer."""
        return await self.follow(enrolment)
