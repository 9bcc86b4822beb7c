"""Journeys that fill a channel's queue, and that want past what fills it."""

import asyncio

from temporalio import workflow

from benchmarks.messages import REMINDER
from sojourn.domain.events import AccountActivated, OrderCompleted, ProductAdded, SignedUp
from sojourn.domain.messages import Enrolment, Result
from sojourn.journeys.journey import Journey
from workflows.onboarding import WELCOME

EACH = 25


@workflow.defn(name="abandoned-cart")  # the real one's name, so that its templates are rendered
class Campaign(Journey, starts_on=ProductAdded, key="cart_id", goal=OrderCompleted):
    """So many promotional messages at once: a queue fills faster than by a run for each."""

    async def steps(self) -> None:
        """The verb for each of them, but none waits for the one before."""
        await asyncio.gather(*(self._send_as(n, REMINDER) for n in range(1, EACH + 1)))

    @workflow.run
    async def run(self, enrolment: Enrolment) -> Result:
        """One part of the campaign."""
        return await self.follow(enrolment)


@workflow.defn(name="onboarding")
class Welcome(Journey, starts_on=SignedUp, goal=AccountActivated):
    """One transactional message, due when the run's event happens."""

    async def steps(self) -> None:
        """Send it."""
        await self.send(WELCOME)

    @workflow.run
    async def run(self, enrolment: Enrolment) -> Result:
        """One customer who signed up."""
        return await self.follow(enrolment)
