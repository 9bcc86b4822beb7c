"""Come back once to products that a customer looked at again and again, and left."""

from sojourn import EMAIL, GIVE_WAY, Journey, Message, after, days, did, hours
from sojourn.events import OrderCompleted, ProductAdded, ProductViewed


class BrowseAbandonment(
    Journey,
    name="browse-abandonment",
    topic="browsing",
    starts_on=ProductViewed,
    goal=(ProductAdded, OrderCompleted),
    enters_if=did(ProductViewed, at_least=3, within=hours(24))
    & ~did(ProductAdded, within=days(8))
    & ~did(OrderCompleted, within=days(8)),
    again=after(days=14),
):
    """Three looks within a day and no cart: one message, six hours after the last look."""

    reminder = Message(EMAIL, useful_for=hours(24), at_cap=GIVE_WAY)

    async def steps(self) -> None:
        """Wait until the looking is over, and say one thing."""
        await self.quiet_for(hours(6), of=ProductViewed)
        await self.send(self.reminder)
