"""Walk a new customer to the first success with the product."""

from datetime import time, timedelta

from temporalio import workflow

from sojourn.domain.events import AccountActivated, EmailLinkClicked, MessageClicked, SignedUp
from sojourn.domain.messages import Channel, Enrolment, Message, MessageClass, Result
from sojourn.journeys.journey import Journey

TEN = time(10)

WELCOME = Message(
    step="welcome",
    channels=(Channel.EMAIL,),
    message_class=MessageClass.TRANSACTIONAL,
    topic="account",
    useful_for=timedelta(days=1),
)
FIRST_STEPS = Message(
    step="first-steps",
    channels=(Channel.EMAIL,),
    topic="onboarding",
    useful_for=timedelta(hours=24),
)
FIRST_STEPS_CLICKED = FIRST_STEPS.model_copy(update={"template": "first-steps-clicked"})
TIPS = Message(
    step="tips", channels=(Channel.EMAIL,), topic="onboarding", useful_for=timedelta(days=2)
)
HELP = Message(
    step="help",
    channels=(Channel.PUSH, Channel.SMS, Channel.EMAIL),
    topic="onboarding",
    useful_for=timedelta(days=2),
)


@workflow.defn(name="onboarding")
class Onboarding(
    Journey, starts_on=SignedUp, goal=AccountActivated, hears=(EmailLinkClicked, MessageClicked)
):
    """Welcome at once; first steps, tips and an offer to talk on day 1, 3 and 7 at ten, local."""

    async def steps(self) -> None:
        """Four messages, each only while the account is not active yet."""
        await self.send(WELCOME)
        await self.sleep_until(self.local(TEN, days=1))
        clicks = [click.step for click in self.heard(EmailLinkClicked, MessageClicked)]
        await self.send(FIRST_STEPS_CLICKED if WELCOME.step in clicks else FIRST_STEPS)
        await self.sleep_until(self.local(TEN, days=3))
        await self.send(TIPS)
        await self.sleep_until(self.local(TEN, days=7))
        await self.send(HELP)

    @workflow.run
    async def run(self, enrolment: Enrolment) -> Result:
        """One customer, once."""
        return await self.follow(enrolment)
