"""A journey for test_outage.py, alone in its file: the sandbox loads all that stands here."""

from datetime import timedelta

from temporalio import workflow

from sojourn.domain.events import AccountActivated, SignedUp
from sojourn.domain.messages import Channel, Enrolment, Message, MessageClass, Result
from sojourn.journeys.journey import Journey

USEFUL = timedelta(hours=4, minutes=30)


@workflow.defn(name="onboarding")
class Onboarding(Journey, starts_on=SignedUp, goal=AccountActivated):
    """Two messages at once: one is of use for four and a half hours, the other for two days."""

    async def steps(self) -> None:
        await self.send(
            Message(
                step="welcome",
                channels=(Channel.EMAIL,),
                topic="account",
                message_class=MessageClass.TRANSACTIONAL,
                useful_for=USEFUL,
            )
        )
        await self.send(
            Message(
                step="tips",
                channels=(Channel.EMAIL,),
                topic="onboarding",
                useful_for=timedelta(days=2),
            )
        )

    @workflow.run
    async def run(self, enrolment: Enrolment) -> Result:
        return await self.follow(enrolment)
