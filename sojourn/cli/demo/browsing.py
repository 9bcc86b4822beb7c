"""The story of a customer who only looks."""

from datetime import timedelta

from sojourn.cli.demo.guide import Guide, Played
from sojourn.cli.demo.tale import Tale
from sojourn.domain.events import ProductViewed

CHAIR = {"product_id": "p3", "name": "Rocking chair", "price": "219.00", "currency": "EUR"}


async def _only_looks(guide: Guide) -> Played:
    who = await guide.customer("Irene", "it-IT")
    for _ in range(3):
        await guide.publish(ProductViewed(customer_id=who, **CHAIR))
    await guide.pass_time(who, timedelta(days=2))
    return await guide.tell("looks at a chair three times and buys nothing", who, guide.noon)


BROWSING = Tale("browse-abandonment", ProductViewed, _only_looks)
