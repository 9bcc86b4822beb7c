"""Journeys that ask people, alone in a file: the sandbox loads all of it."""

from sojourn import EMAIL, TRANSACTIONAL, Journey, Message, Question, days, hours, working
from sojourn.events import CartViewed, CheckoutStarted, OrderCompleted, ProductAdded


class Deciding(
    Journey,
    name="abandoned-cart",
    topic="cart",
    starts_on=ProductAdded,
    key="cart_id",
    goal=OrderCompleted,
    ends_on=CheckoutStarted,
    restarts_on=CartViewed,
):
    """Asks a person twice, and sends messages depending on the answers."""

    refund = Question("Refund what was paid?", yes="Refund it", no="Keep it")
    call_back = Question("Call the customer?", called="Called", not_there="Not there")

    reminder = Message(EMAIL, useful_for=hours(24), message_class=TRANSACTIONAL)
    nudge = Message(EMAIL, useful_for=hours(24), message_class=TRANSACTIONAL, template="reminder")

    async def steps(self) -> None:
        """Ask; after a yes, send at once and ask again."""
        decided = await self.person(self.refund, within=hours(4), else_="no")
        if decided == "yes":
            await self.send(self.reminder)
            office = working(hours(2), "mon-fri 09:00-18:00")
            if await self.person(self.call_back, within=office, else_=None, silent=True) is None:
                await self.send(self.nudge)
        await self.sleep(days(1))


class DecidingOtherwise(Deciding, name="abandoned-cart"):
    """The same, with other words and other times."""

    refund = Question("Money back?", yes="Yes", no="No", later="Later")
