"""A journey that waits for days by their names, alone in a file: the sandbox loads all of it."""

from datetime import time

from sojourn import EMAIL, Message, business_days, days, months
from sojourn.events import OrderCompleted, ProductAdded
from workflows.abandoned_cart import AbandonedCart


class NamedDays(
    AbandonedCart,
    name="abandoned-cart",
    starts_on=ProductAdded,
    key="cart_id",
    goal=OrderCompleted,
):
    """Two business days on, in office hours after that, and a month after the cart was filled."""

    reminder = Message(EMAIL, useful_for=days(3), within="mon-wed 11:00-12:00")

    async def steps(self) -> None:
        """Write three times."""
        await self.sleep_until(self.local(time(10), on=business_days(2, holidays="IT")))
        await self.send(self.reminder)
        await self.sleep_until(self.opening("thu 09:00-18:00", holidays="IT"))
        await self.send(self.nudge)
        await self.sleep_until(self.local(time(10), on=months(1)))
        await self.send(self.offer)
