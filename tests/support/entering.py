"""A journey that selects its customers, alone in a file: the sandbox loads all of it."""

from sojourn import EMAIL, TRANSACTIONAL, Journey, Message, after, days, field, hours
from sojourn.events import OrderCompleted, ProductAdded


class Selecting(
    Journey,
    name="abandoned-cart",
    topic="cart",
    starts_on=ProductAdded,
    key="cart_id",
    goal=OrderCompleted,
    enters_if=field("price") >= 20,
    again=after(days=30),
):
    """One reminder of a cart that is worth it, once a month."""

    reminder = Message(EMAIL, useful_for=hours(24), message_class=TRANSACTIONAL)

    async def steps(self) -> None:
        """Remind a day later."""
        await self.sleep(days(1))
        await self.send(self.reminder)
