"""Have customers confirm that they want messages, before any is sent."""

from sojourn import EMAIL, SMS, TRANSACTIONAL, Journey, Message, days
from sojourn.events import OptInConfirmed, OptInRequested, OptInWithdrawn
from workflows.times import TEN


class DoubleOptIn(
    Journey,
    name="double-opt-in",
    topic="confirmation",
    starts_on=OptInRequested,
    key="opt_in",
    goal=OptInConfirmed,
    restarts_on=OptInRequested,
    ends_on=OptInWithdrawn,
):
    """A link to confirm, at once. A reminder on the third day. After seven, the link is void."""

    confirm = Message(EMAIL, SMS, message_class=TRANSACTIONAL, useful_for=days(2))
    reminder = Message(EMAIL, SMS, message_class=TRANSACTIONAL, useful_for=days(1))

    async def steps(self) -> None:
        """Ask, remind once, and wait until the link is void."""
        await self.send(self.confirm)
        await self.sleep_until(self.local(TEN, days=3))
        await self.send(self.reminder)
        await self.sleep_until(self.cause.occurred_at + days(7))
