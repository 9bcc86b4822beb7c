"""Tell customers of a loyalty programme what their points are and what they buy."""

from sojourn import EMAIL, Journey, Message, day_of_month, days
from sojourn.events import PointsEarned
from workflows.times import TEN


class Loyalty(Journey, name="loyalty", starts_on=PointsEarned):
    """On the first of the month after points were earned, at ten, local: the balance."""

    balance = Message(EMAIL, useful_for=days(5))

    async def steps(self) -> None:
        """Wait for the end of the month, and say the balance as it then is."""
        await self.sleep_until(self.local(TEN, on=day_of_month(1), after=self.now()))
        await self.send(self.balance)
