"""Walk a new customer to the first success with the product."""

from activities.open_ticket import open_ticket
from sojourn import EMAIL, PUSH, SMS, TRANSACTIONAL, Journey, Message, days, did, hours
from sojourn.events import (
    AccountActivated,
    EmailLinkClicked,
    MessageClicked,
    OrderCompleted,
    SignedUp,
)
from workflows.times import TEN


class Onboarding(
    Journey,
    name="onboarding",
    starts_on=SignedUp,
    goal=AccountActivated,
    hears=(EmailLinkClicked, MessageClicked),
):
    """Welcome at once; first steps, tips and an offer to talk on day 1, 3 and 7 at ten, local."""

    welcome = Message(EMAIL, topic="account", message_class=TRANSACTIONAL, useful_for=hours(24))
    first_steps = Message(EMAIL, useful_for=hours(24))
    first_steps_clicked = first_steps.variant()
    tips = Message(EMAIL, useful_for=days(2))
    help = Message(PUSH, SMS, EMAIL, useful_for=days(2))

    async def steps(self) -> None:
        """Send four messages, each only while the account is not active yet."""
        await self.send(self.welcome)
        await self.sleep_until(self.local(TEN, days=1))
        if not await self.has_ordered():
            clicks = [click.step for click in self.heard(EmailLinkClicked, MessageClicked)]
            clicked = self.welcome.step in clicks
            await self.send(self.first_steps_clicked if clicked else self.first_steps)
        await self.sleep_until(self.local(TEN, days=3))
        await self.send(self.tips)
        await self.sleep_until(self.local(TEN, days=7))
        if await self.has_ordered():
            return
        await self.send(self.help)
        if self.patched("open-ticket"):
            await self.call(open_ticket, subject="A new customer needs help to get started")

    async def has_ordered(self) -> bool:
        """Return whether the customer has ordered; False in a run that began before this step."""
        return self.patched("asks-orders") and bool(await self.ask(did(OrderCompleted)))
