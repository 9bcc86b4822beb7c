"""A journey for test_outage.py, alone in its file: the sandbox loads all of it."""

from datetime import timedelta

from sojourn.domain.events import AccountActivated, SignedUp
from sojourn.domain.message import Message
from sojourn.domain.messages import Channel, MessageClass
from sojourn.journeys.journey import Journey

USEFUL = timedelta(hours=4, minutes=30)


class Onboarding(Journey, name="onboarding", starts_on=SignedUp, goal=AccountActivated):
    """Send two messages at once: one is of use for 4.5 hours, the other for two days."""

    async def steps(self) -> None:
        await self.send(
            Message(
                Channel.EMAIL,
                step="welcome",
                topic="account",
                message_class=MessageClass.TRANSACTIONAL,
                useful_for=USEFUL,
            )
        )
        await self.send(
            Message(Channel.EMAIL, step="tips", topic="onboarding", useful_for=timedelta(days=2))
        )
