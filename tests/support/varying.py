"""A journey that sends by variant, alone in a file: the sandbox loads all of it."""

from sojourn import EMAIL, TRANSACTIONAL, Experiment, Journey, Message, days, hours
from sojourn.events import ProductAdded, SubscriptionCancelled

TONE = Experiment("tone", {"plain": 1, "warm": 1})


class Varying(
    Journey,
    name="abandoned-cart",
    topic="cart",
    starts_on=ProductAdded,
    key="cart_id",
    goal=SubscriptionCancelled,
):
    """One variant before a wait, and the same one after it."""

    plain = Message(EMAIL, useful_for=hours(24), message_class=TRANSACTIONAL, template="reminder")
    warm = Message(EMAIL, useful_for=hours(24), message_class=TRANSACTIONAL, template="reminder")

    async def steps(self) -> None:
        """Send the variant's message twice."""
        tone = await self.variant(TONE)
        await self.sleep(days(1))
        await self.send(self.warm if tone == "warm" else self.plain)
        await self.sleep(days(1))
        again = await self.variant(TONE)
        await self.send(self.warm if again == "warm" else self.plain)
