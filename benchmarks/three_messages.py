"""The abandoned cart without its code: three timers and three messages, whose cost is counted."""

from sojourn import EMAIL, PUSH, SMS, Journey, Message, days, hours
from sojourn.events import OrderCompleted, ProductAdded


# the real one's name, so that its templates are rendered
class ThreeMessages(
    Journey,
    name="abandoned-cart",
    topic="cart",
    starts_on=ProductAdded,
    key="cart_id",
    goal=OrderCompleted,
    restarts_on=ProductAdded,
):
    """A ladder that only waits and sends."""

    reminder = Message(EMAIL, useful_for=hours(24))
    nudge = Message(PUSH, SMS, useful_for=hours(24))
    offer = Message(EMAIL, useful_for=days(2))

    async def steps(self) -> None:
        """Wait and send, three times."""
        await self.quiet_for(hours(24), of=ProductAdded)
        await self.send(self.reminder)
        await self.sleep(days(2))
        await self.send(self.nudge)
        await self.sleep(days(4))
        await self.send(self.offer)
