"""Journeys that publish events and take notes, alone in a file: the sandbox loads all of it."""

from sojourn import EMAIL, TRANSACTIONAL, Journey, Message, days, hours, trait
from sojourn.events import OrderCompleted, ProductAdded, SignedUp


class Saying(
    Journey,
    name="abandoned-cart",
    topic="cart",
    starts_on=ProductAdded,
    key="cart_id",
    goal=OrderCompleted,
):
    """A note and an event after a day; the note decides on a message."""

    reminder = Message(EMAIL, useful_for=hours(24), message_class=TRANSACTIONAL)

    async def steps(self) -> None:
        """Take a note, publish an event, ask and send."""
        await self.sleep(days(1))
        await self.note(plan="gold", carts=3)
        await self.tell(SignedUp)
        if await self.ask(trait("plan") == "gold"):
            await self.send(self.reminder)


class Circle(Journey, name="abandoned-cart", topic="cart", starts_on=ProductAdded, key="cart_id"):
    """Starts a run of another cart, which starts a run of another cart, and so on."""

    reminder = Message(EMAIL, useful_for=hours(24), message_class=TRANSACTIONAL)

    async def steps(self) -> None:
        """Publish an event of another cart at once."""
        await self.tell(ProductAdded, cart_id=f"{self.key}x", product_id="p")


class TellsItself(
    Journey,
    name="abandoned-cart",
    topic="cart",
    starts_on=ProductAdded,
    key="cart_id",
    restarts_on=ProductAdded,
    goal=OrderCompleted,
):
    """Begins its own steps again, and again."""

    reminder = Message(EMAIL, useful_for=hours(24), message_class=TRANSACTIONAL)

    async def steps(self) -> None:
        """Publish an event that begins the steps again, and wait for that."""
        await self.tell(ProductAdded, cart_id=self.key, product_id="p")
        await self.sleep(hours(1))
