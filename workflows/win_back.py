"""Win customers back who have not ordered for a while, or leave them in peace."""

from activities.issue_code import issue_code
from activities.write_less import write_as_before, write_less
from sojourn import EMAIL, Journey, Message, Status, days, trait
from sojourn.events import OrderCompleted
from workflows.signs_of_life import ASLEEP

LESS = "written_to_less"
"""The trait of a customer who has had our goodbye."""
WRITTEN_TO_LESS = trait(LESS).one_of(True)


class WinBack(
    Journey,
    name="win-back",
    starts_on=OrderCompleted,
    restarts_on=OrderCompleted,
    stays_if=ASLEEP,
):
    """60 days without an order: a question. A week on: 15 % off. Two weeks on: fewer mails."""

    question = Message(EMAIL, useful_for=days(3), within="10:00-20:00")
    offer = Message(EMAIL, useful_for=days(3), within="10:00-20:00")
    goodbye = Message(EMAIL, useful_for=days(3), within="10:00-20:00")

    async def steps(self) -> None:
        """Say three things to a customer who sleeps, and nothing to one who is about."""
        if await self.ask(WRITTEN_TO_LESS):
            await self.call(write_as_before)
            await self.note(**{LESS: False})
        await self.quiet_for(days(60), of=OrderCompleted)
        while await self.ask(ASLEEP) is False:
            await self.sleep(days(21))
        asked = await self.send(self.question)
        await self.sleep(days(7))
        if asked.status is not Status.SENT or not await self.ask(ASLEEP):
            return
        if issued := await self.call(issue_code, percent=15):
            await self.send(self.offer, code=issued.code)
        await self.sleep(days(14))
        if not await self.ask(ASLEEP):
            return
        if await self.call(write_less, days=30):
            await self.note(**{LESS: True})
            await self.send(self.goodbye)
