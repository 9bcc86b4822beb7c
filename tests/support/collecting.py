"""Journeys that collect and wait, alone in a file: the sandbox loads all of it."""

from datetime import timedelta
from typing import ClassVar

from sojourn import (
    EMAIL,
    TRANSACTIONAL,
    Intent,
    Journey,
    Message,
    business_days,
    days,
    hours,
    working,
)
from sojourn.events import MessageReplied, OrderCompleted, ProductAdded


class Collecting(
    Journey,
    name="abandoned-cart",
    topic="cart",
    starts_on=ProductAdded,
    key="cart_id",
    goal=OrderCompleted,
):
    """One message about the products of an hour."""

    reminder = Message(EMAIL, useful_for=hours(24), message_class=TRANSACTIONAL)
    window: ClassVar[timedelta] = hours(1)

    async def steps(self) -> None:
        """Collect once; a late product begins the steps again."""
        products = await self.collect(ProductAdded, for_=self.window, at_most=20)
        await self.send(self.reminder, products=[each.product_id for each in products])


class CollectingLonger(Collecting, name="abandoned-cart"):
    """The same, for three hours."""

    window = hours(3)


class CollectingShorter(Collecting, name="abandoned-cart"):
    """The same, for a minute."""

    window = hours(1 / 60)


ANSWERS = (Intent.YES, Intent.NO)


class Answered(
    Journey,
    name="abandoned-cart",
    topic="cart",
    starts_on=ProductAdded,
    key="cart_id",
    hears=MessageReplied,
):
    """Asks up to three times; a plain yes or a no ends it."""

    reminder = Message(EMAIL, useful_for=hours(24), message_class=TRANSACTIONAL)
    nudge = Message(EMAIL, useful_for=hours(24), message_class=TRANSACTIONAL, template="reminder")
    answers: ClassVar[tuple[Intent, ...]] = ANSWERS

    async def steps(self) -> None:
        """Ask on business days, and wait for working hours."""
        for _ in range(3):
            await self.send(self.reminder)
            reply = await self.wait_for(
                MessageReplied,
                timeout=working(hours(9), "mon-fri 09:00-18:00"),
                where=lambda reply: reply.intent in self.answers,
            )
            if reply is not None:
                if reply.intent is Intent.YES:
                    await self.send(self.nudge)
                return
            await self.sleep(business_days(1))
        await self.sleep(days(1))


class AnsweredByAll(Answered, name="abandoned-cart"):
    """The same; any reply is an answer."""

    answers = tuple(Intent)
