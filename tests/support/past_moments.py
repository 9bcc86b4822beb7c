"""A journey that keeps office hours, alone in a file: the sandbox loads all of it."""

from sojourn import EMAIL, PUSH, Journey, Message, days, hours
from sojourn.events import OrderCompleted, ProductAdded

HOURS = "mon-fri 09:00-18:00"


class KeepsHours(
    Journey,
    name="abandoned-cart",
    topic="cart",
    starts_on=ProductAdded,
    key="cart_id",
    goal=OrderCompleted,
):
    """In office hours, at once and an hour later; twice at a moment that is past."""

    reminder = Message(EMAIL, useful_for=hours(4))
    nudge = Message(PUSH, useful_for=hours(4))
    offer = Message(EMAIL, useful_for=hours(4))

    async def steps(self) -> None:
        """Write three times."""
        await self.sleep_until(self.opening(HOURS))
        await self.send(self.reminder)
        await self.sleep(hours(1))
        await self.sleep_until(self.opening(HOURS))
        await self.send(self.nudge)
        past = self.cause.occurred_at - days(1)
        await self.sleep_until(past)
        await self.sleep_until(past)
        await self.send(self.offer)
