"""Help customers make the most of a trial, and tell them in time that it ends."""

from sojourn import EMAIL, GIVE_WAY, TRANSACTIONAL, Journey, Message, days
from sojourn.events import (
    Event,
    FeatureUsed,
    SubscriptionStarted,
    TrialCancelled,
    TrialExtended,
    TrialExtensionRequested,
    TrialStarted,
)
from workflows.times import TEN


class Trial(
    Journey,
    name="trial",
    starts_on=TrialStarted,
    goal=SubscriptionStarted,
    restarts_on=(TrialExtended, TrialExtensionRequested),
    ends_on=TrialCancelled,
    hears=FeatureUsed,
    anchor="ends_at",
):
    """Day 2 and 5: help that goes by what was used. 3 days before the end, and the day after it."""

    first_steps = Message(EMAIL, useful_for=days(1), at_cap=GIVE_WAY)
    next_steps = first_steps.variant()
    offer_help = Message(EMAIL, useful_for=days(2), at_cap=GIVE_WAY)
    deeper = offer_help.variant()
    extended = Message(EMAIL, topic="account", message_class=TRANSACTIONAL, useful_for=days(2))
    ending = Message(EMAIL, topic="account", message_class=TRANSACTIONAL, useful_for=days(2))
    over = Message(EMAIL, topic="account", message_class=TRANSACTIONAL, useful_for=days(3))

    def __init__(self) -> None:
        super().__init__()
        self.lessons: set[Message] = set()

    async def steps(self) -> None:
        """Extend once if asked; help twice; say that it ends, and that it has ended."""
        began, moved, cause = self.first, self.heard(TrialExtended), self.cause
        told = [one for one in (began, *moved) if isinstance(one, TrialStarted | TrialExtended)]
        ends_at = told[-1].ends_at
        asked = isinstance(cause, TrialExtensionRequested)
        if asked and isinstance(began, TrialStarted) and not moved:
            await self.tell(TrialExtended, ends_at=ends_at + days(7))
        if isinstance(cause, TrialExtended):
            await self.send(self.extended, until=ends_at)
        second = self.local(TEN, days=2, after=began.occurred_at)
        if self.first_steps not in self.lessons and cause.occurred_at < second < ends_at - days(4):
            await self.sleep_until(second)
            used = self.heard(FeatureUsed)
            await self.send(self.next_steps if used else self.first_steps)
            self.lessons.add(self.first_steps)
        fifth = self.local(TEN, days=5, after=began.occurred_at)
        if self.offer_help not in self.lessons and cause.occurred_at < fifth < ends_at - days(4):
            await self.sleep_until(fifth)
            used = self.heard(FeatureUsed)
            experienced = len({one.feature for one in used}) > 2
            await self.send(self.deeper if experienced else self.offer_help)
            self.lessons.add(self.offer_help)
        soon = self.local(TEN, days=-3, after=ends_at)
        if cause.occurred_at < soon:
            await self.sleep_until(soon)
            await self.send(self.ending, until=ends_at)
        await self.sleep_until(self.local(TEN, days=1, after=ends_at))
        await self.send(self.over)

    def restarts(self, event: Event) -> bool:
        """Begin again on a request for more time, and with another end."""
        return isinstance(event, TrialExtensionRequested) or super().restarts(event)
