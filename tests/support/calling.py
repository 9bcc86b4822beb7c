"""A journey that calls an activity at once, alone in a file: the sandbox loads all of it."""

from activities.issue_code import issue_code
from sojourn import Journey
from sojourn.events import OrderCompleted, ProductAdded


class Calling(Journey, name="calling", starts_on=ProductAdded, key="cart_id", goal=OrderCompleted):
    """Have a code issued, but send nothing."""

    async def steps(self) -> None:
        await self.call(issue_code, percent=10)
