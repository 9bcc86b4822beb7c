"""Tell customers at once that their order has arrived, and what is in it."""

from sojourn import EMAIL, ONCE, SMS, TRANSACTIONAL, Journey, Message, consents, hours
from sojourn.events import OrderCancelled, OrderCompleted, OrderRefunded

WANTS_TEXTS = consents(SMS)


class OrderConfirmed(
    Journey,
    name="order-confirmed",
    topic="orders",
    starts_on=OrderCompleted,
    key="order_id",
    ends_on=(OrderRefunded.whole(), OrderCancelled),
    again=ONCE.per_key,
):
    """At once the summary by e-mail, and a short SMS unless the customer wants none."""

    summary = Message(EMAIL, message_class=TRANSACTIONAL, useful_for=hours(12))
    receipt = Message(SMS, message_class=TRANSACTIONAL, useful_for=hours(2))

    async def steps(self) -> None:
        """Confirm the order once; a "no" to text messages counts for this one, too."""
        await self.send(self.summary)
        if await self.ask(WANTS_TEXTS) is not False:
            await self.send(self.receipt)
