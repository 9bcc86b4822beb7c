"""A journey that asks about its customer, alone in a file: the sandbox loads all of it."""

from sojourn import (
    EMAIL,
    TRANSACTIONAL,
    Journey,
    Message,
    count,
    days,
    did,
    field,
    hours,
    last,
    trait,
)
from sojourn.events import OrderCompleted, ProductAdded, SubscriptionCancelled

PRO = trait("plan") == "pro"


class Asking(
    Journey,
    name="abandoned-cart",
    topic="cart",
    starts_on=ProductAdded,
    key="cart_id",
    goal=SubscriptionCancelled,
    hears=OrderCompleted,
):
    """Two questions before a wait, one after it; each answer decides on a message."""

    pro = Message(EMAIL, useful_for=hours(24), message_class=TRANSACTIONAL, template="reminder")
    free = Message(EMAIL, useful_for=hours(24), message_class=TRANSACTIONAL, template="reminder")
    unsaid = Message(EMAIL, useful_for=hours(24), message_class=TRANSACTIONAL, template="reminder")
    many = Message(EMAIL, useful_for=hours(24), message_class=TRANSACTIONAL, template="reminder")

    async def steps(self) -> None:
        """Send the messages that the answers require."""
        answer = await self.ask(PRO)
        orders = await self.ask(count(OrderCompleted, within=days(90)))
        code = await self.ask(trait("code", personal=False))
        since = await self.ask(last(OrderCompleted))
        await self.sleep(days(1))
        if answer is None:
            await self.send(self.unsaid, code=code, days=since.days if since else -1)
        else:
            await self.send(self.pro if answer else self.free, code=code)
        if await self.ask(did(OrderCompleted, at_least=2, where=field("total") >= 20)):
            await self.send(self.many, before=orders)
