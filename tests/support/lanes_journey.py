"""A journey for test_limits.py, alone in its file: the sandbox loads all of it."""

from datetime import timedelta

from sojourn.domain.events import OrderCompleted, ProductAdded
from sojourn.domain.message import Message
from sojourn.domain.messages import Channel
from sojourn.journeys.journey import Journey

STEPS = {Channel.EMAIL: "reminder", Channel.SMS: "nudge"}


class Offer(
    Journey, name="abandoned-cart", starts_on=ProductAdded, key="cart_id", goal=OrderCompleted
):
    """Send one promotional message at once, on the channel that the cart's id names."""

    async def steps(self) -> None:
        channel = Channel(self.key)
        message = Message(channel, step=STEPS[channel], topic="cart", useful_for=timedelta(days=1))
        await self.send(message)
