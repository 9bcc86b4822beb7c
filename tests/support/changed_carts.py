"""The abandoned cart with other steps or delays, alone in a file: the sandbox loads all of it."""

from activities.issue_code import issue_code
from sojourn import EMAIL, PUSH, SMS, Message, days, did, hours
from sojourn.events import ProductAdded, SignedUp
from workflows.abandoned_cart import AbandonedCart


class StepInserted(AbandonedCart, name="abandoned-cart"):
    teaser = Message(PUSH, SMS, useful_for=hours(24))

    async def steps(self) -> None:
        await self.quiet_for(hours(24), of=ProductAdded)
        await self.send(self.teaser)
        await self.send(self.reminder)
        await self.sleep(days(2))
        await self.send(self.nudge)
        await self.sleep(days(4))
        await self.send(self.offer)


class StepRemoved(AbandonedCart, name="abandoned-cart"):
    async def steps(self) -> None:
        await self.quiet_for(hours(24), of=ProductAdded)
        await self.send(self.reminder)
        await self.sleep(days(4))
        await self.send(self.offer)


class StepRenamed(AbandonedCart, name="abandoned-cart"):
    reminder_mail = Message(EMAIL, useful_for=hours(24))

    async def steps(self) -> None:
        await self.quiet_for(hours(24), of=ProductAdded)
        await self.send(self.reminder_mail)
        await self.sleep(days(2))
        await self.send(self.nudge)
        await self.sleep(days(4))
        await self.send(self.offer)


class QuestionInserted(AbandonedCart, name="abandoned-cart"):
    async def steps(self) -> None:
        await self.quiet_for(hours(24), of=ProductAdded)
        await self.send(self.reminder)
        await self.sleep(days(2))
        if not await self.ask(did(SignedUp)):
            await self.send(self.nudge)


class OnlyDelaysChanged(AbandonedCart, name="abandoned-cart"):
    async def steps(self) -> None:
        await self.quiet_for(hours(1), of=ProductAdded)
        await self.send(self.reminder)
        await self.sleep(days(9))
        await self.send(self.nudge)
        await self.sleep(hours(5))
        if not self.patched("issue-code"):
            await self.send(self.offer)
        elif issued := await self.call(issue_code, percent=10):
            await self.send(self.offer, code=issued.code)
