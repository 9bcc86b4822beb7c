"""A journey of one message, alone in a file: the sandbox loads all of it."""

from sojourn import EMAIL, Journey, Message, days
from sojourn.events import AccountActivated, SignedUp


class OneMessage(Journey, name="one-message", starts_on=SignedUp, goal=AccountActivated):
    """Sends once, at once."""

    message = Message(EMAIL, useful_for=days(2), topic="news")

    async def steps(self) -> None:
        """Send it."""
        await self.send(self.message)
