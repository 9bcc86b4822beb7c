"""A journey that waits for the reports on its message."""

from datetime import timedelta

from sojourn.domain.events import (
    MessageBounced,
    MessageClicked,
    MessageReplied,
    OrderCompleted,
    ProductAdded,
)
from sojourn.domain.message import Message
from sojourn.domain.messages import Channel
from sojourn.journeys.journey import Journey

REMINDER = Message(Channel.EMAIL, step="reminder", topic="cart", useful_for=timedelta(days=1))
NUDGE = Message(Channel.PUSH, step="nudge", topic="cart", useful_for=timedelta(days=1))


class Listening(
    Journey,
    name="abandoned-cart",
    starts_on=ProductAdded,
    key="cart_id",
    goal=OrderCompleted,
    hears=(MessageBounced, MessageClicked, MessageReplied),
):
    """Sends a reminder, and a nudge after a report on it. Its name is one that has templates."""

    async def steps(self) -> None:
        await self.send(REMINDER)
        answer = await self.wait_for(
            MessageBounced, MessageClicked, MessageReplied, timeout=timedelta(days=2)
        )
        if answer is not None and answer.step == REMINDER.step:
            await self.send(NUDGE)
