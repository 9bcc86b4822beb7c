"""Tell a customer once when a watched product costs less, or can be had again."""

from sojourn import EMAIL, PUSH, Journey, Message, Reason, Status, days
from sojourn.events import (
    Event,
    PriceDropped,
    ProductBackInStock,
    ProductUnwatched,
    ProductWatched,
)

SAID = (Status.SENT, Status.UNKNOWN)


class ProductWatch(
    Journey,
    name="product-watch",
    topic="watching",
    starts_on=ProductWatched,
    key="product_id",
    restarts_on=ProductUnwatched,
    hears=(PriceDropped, ProductBackInStock),
):
    """One message about a lower price or new stock, the first that comes within 90 days."""

    price_dropped = Message(PUSH, EMAIL, useful_for=days(2))
    back_in_stock = Message(PUSH, EMAIL, useful_for=days(2))

    async def steps(self) -> None:
        """Wait for news that was asked for; say it if it is still true, else wait on."""
        while watches := self.watches():
            news = await self.next_news(watches)
            if news is None:
                return
            if not isinstance(news, ProductWatched):
                dropped = isinstance(news, PriceDropped)
                receipt = await self.send(self.price_dropped if dropped else self.back_in_stock)
                if receipt.status in SAID or receipt.reason is Reason.NOTHING_LEFT:
                    return

    async def next_news(self, watches: list[ProductWatched]) -> Event | None:
        """Wait for another watch, or for news that these ask for; None at their end."""
        wants = {watch.wants for watch in watches}
        return await self.wait_for(
            *(ProductWatched, PriceDropped, ProductBackInStock),
            timeout=watches[-1].occurred_at + days(90),
            where=lambda event: is_wanted(event, *wants),
        )

    def watches(self) -> list[ProductWatched]:
        """Return the watches since the customer last gave the product up, oldest first."""
        told: list[Event] = [self.first, *self.heard(ProductWatched, ProductUnwatched)]
        told.sort(key=lambda event: event.occurred_at)
        ends = [n for n, event in enumerate(told, start=1) if isinstance(event, ProductUnwatched)]
        return [
            event for event in told[max(ends, default=0) :] if isinstance(event, ProductWatched)
        ]


def is_wanted(event: Event, *wants: str | None) -> bool:
    """Tell whether an event is another watch, or news that the customer wants; None wants all."""
    if isinstance(event, ProductWatched) or None in wants:
        return True
    return ("price" if isinstance(event, PriceDropped) else "stock") in wants
