"""A journey whose messages hand out codes."""

from sojourn import EMAIL, Journey, Message, days, hours
from sojourn.events import OrderCompleted, SignedUp


class Greeting(Journey, name="greeting", topic="offers", starts_on=SignedUp, goal=OrderCompleted):
    """A code at once, and another one two days later."""

    hello = Message(EMAIL, useful_for=hours(12), coupon="spring")
    again = Message(EMAIL, useful_for=hours(12), coupon="spring", template="hello")

    async def steps(self) -> None:
        """Say hello twice."""
        await self.send(self.hello)
        await self.sleep(days(2))
        await self.send(self.again)
