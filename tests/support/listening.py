"""A journey that waits for what becomes of its message."""

from datetime import timedelta

from temporalio import workflow

from sojourn.domain.events import (
    MessageBounced,
    MessageClicked,
    MessageReplied,
    OrderCompleted,
    ProductAdded,
)
from sojourn.domain.messages import Channel, Enrolment, Message, Result
from sojourn.journeys.journey import Journey

REMINDER = Message(
    step="reminder", channels=(Channel.EMAIL,), topic="cart", useful_for=timedelta(days=1)
)
NUDGE = Message(step="nudge", channels=(Channel.PUSH,), topic="cart", useful_for=timedelta(days=1))


@workflow.defn(name="abandoned-cart")
class Listening(
    Journey,
    starts_on=ProductAdded,
    key="cart_id",
    goal=OrderCompleted,
    hears=(MessageBounced, MessageClicked, MessageReplied),
):
    """A reminder, and a nudge once something becomes of it. Under a name that has templates."""

    async def steps(self) -> None:
        await self.send(REMINDER)
        answer = await self.wait_for(
            MessageBounced, MessageClicked, MessageReplied, timeout=timedelta(days=2)
        )
        if answer is not None and answer.step == REMINDER.step:
            await self.send(NUDGE)

    @workflow.run
    async def run(self, enrolment: Enrolment) -> Result:
        return await self.follow(enrolment)
