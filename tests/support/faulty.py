"""Journeys of the shop with a fault planted, which invariants must find."""

from sojourn import EMAIL, SMS, Journey, Message, hours, message_after, never
from sojourn.events import OrderShipped, SignedUp
from workflows.onboarding import Onboarding


class Deaf(
    Onboarding,
    name="onboarding",
    goal=(),
    invariants=never(message_after(SignedUp, of="onboarding/first-steps", within=hours(24))),
):
    """Does not hear that the account is active, and says itself that ten o'clock is too soon."""


class Shouting(Journey, name="shouting", topic="cart", starts_on=OrderShipped, key="order_id"):
    """Has no template."""

    shout = Message(EMAIL, SMS, useful_for=hours(1))

    async def steps(self) -> None:
        """Send it."""
        await self.send(self.shout)
