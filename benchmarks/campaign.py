"""Journeys that fill a channel's queue, and one whose message must overtake theirs."""

import asyncio

from benchmarks.messages import REMINDER
from sojourn import Message
from sojourn.domain.events import AccountActivated, OrderCompleted, ProductAdded, SignedUp
from sojourn.journeys.journey import Journey
from workflows.onboarding import Onboarding

EACH = 25


# the real one's name, so that its templates are rendered
class Campaign(
    Journey, name="abandoned-cart", starts_on=ProductAdded, key="cart_id", goal=OrderCompleted
):
    """Sends many promotional messages at once, which fills a queue faster than a run for each."""

    # each is a step of its own: the same one asked for many times at once is one message
    many = tuple(
        Message(
            *REMINDER.channels,
            useful_for=REMINDER.useful_for,
            template=REMINDER.words,
            step=f"reminder-{n}",
        )
        for n in range(1, EACH + 1)
    )

    async def steps(self) -> None:
        """Send each message without waiting for the previous one."""
        await asyncio.gather(*(self._send_as(n, one) for n, one in enumerate(self.many, 1)))


class Welcome(Journey, name="onboarding", starts_on=SignedUp, goal=AccountActivated):
    """One transactional message, due when the run's event happens."""

    async def steps(self) -> None:
        """Send it."""
        await self.send(Onboarding.welcome)
