"""Welcome new customers in their own language."""

from sojourn import EMAIL, TRANSACTIONAL, Journey, Message, hours
from sojourn.events import SignedUp


class Welcome(Journey, name="welcome", topic="account", starts_on=SignedUp):
    """One message, at once."""

    hello = Message(EMAIL, message_class=TRANSACTIONAL, useful_for=hours(24))

    async def steps(self) -> None:
        """Say hello."""
        await self.send(self.hello)
