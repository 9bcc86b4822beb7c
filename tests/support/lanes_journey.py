"""A journey for test_limits.py, alone in its file: the sandbox loads all that stands here."""

from datetime import timedelta

from temporalio import workflow

from sojourn.domain.events import OrderCompleted, ProductAdded
from sojourn.domain.messages import Channel, Enrolment, Message, Result
from sojourn.journeys.journey import Journey

STEPS = {Channel.EMAIL: "reminder", Channel.SMS: "nudge"}


@workflow.defn(name="abandoned-cart")
class Offer(Journey, starts_on=ProductAdded, key="cart_id", goal=OrderCompleted):
    """One promotional message, due at once, by the channel that is the cart's name."""

    async def steps(self) -> None:
        channel = Channel(self._run_of.key)
        message = Message(
            step=STEPS[channel], channels=(channel,), topic="cart", useful_for=timedelta(days=1)
        )
        await self.send(message)

    @workflow.run
    async def run(self, enrolment: Enrolment) -> Result:
        return await self.follow(enrolment)
