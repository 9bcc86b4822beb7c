"""Shipped journeys with other steps, alone in a file: the sandbox loads all of it."""

from sojourn import EMAIL, PUSH, SMS, TRANSACTIONAL, Message, days, did, hours
from sojourn.events import ProductAdded, SignedUp
from workflows.abandoned_cart import AbandonedCart
from workflows.onboarding import Onboarding
from workflows.times import TEN


class CartWithTeaser(AbandonedCart, name="abandoned-cart"):
    """A step is inserted; runs that are past it, and they alone, do without."""

    teaser = Message(EMAIL, useful_for=hours(24), template="reminder")

    async def steps(self) -> None:
        await self.quiet_for(hours(24), of=ProductAdded)
        await self.send(self.reminder)
        await self.sleep(days(1))
        if self.patched("teaser"):
            if not await self.ask(did(SignedUp)):
                await self.send(self.teaser)
            await self.sleep(days(1))
        await self.send(self.nudge)
        await self.sleep(days(3))
        await self.send(self.offer)


class CartForMembers(AbandonedCart, name="abandoned-cart", stays_if=did(SignedUp)):
    """A condition is new: the gate judges it before each message."""


class HelpRenamed(Onboarding, name="onboarding"):
    """The last step has another name, and no run has come to it."""

    talk = Message(PUSH, SMS, EMAIL, useful_for=days(2), template="help")

    async def steps(self) -> None:
        await self.send(self.welcome)
        await self.sleep_until(self.local(TEN, days=1))
        if not await self.has_ordered():
            await self.send(self.first_steps)
        await self.sleep_until(self.local(TEN, days=3))
        await self.send(self.tips)
        await self.sleep_until(self.local(TEN, days=6))
        await self.send(self.talk)


class WelcomeRenamed(Onboarding, name="onboarding"):
    """The first step has another name, and every run is past it."""

    hello = Message(
        EMAIL,
        topic="account",
        message_class=TRANSACTIONAL,
        useful_for=hours(24),
        template="welcome",
    )

    async def steps(self) -> None:
        await self.send(self.hello)
        await self.sleep_until(self.local(TEN, days=1))
        await self.send(self.tips)
