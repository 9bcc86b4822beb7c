"""The story of a product that is watched until its price drops."""

from datetime import timedelta

from sojourn.cli.demo.guide import Guide, Played
from sojourn.cli.demo.tale import Tale
from sojourn.domain.events import PriceDropped, ProductWatched

DAY = timedelta(days=1)
CHAIR = {"product_id": "p3", "name": "Rocking chair", "currency": "EUR"}


async def _waits_for_a_lower_price(guide: Guide) -> Played:
    who = await guide.customer("Wanda", "pl-PL")
    await guide.publish(
        ProductWatched.model_validate({**CHAIR, "customer_id": who, "price": 219, "wants": "price"})
    )
    for price in (189, 179):
        dropped = {**CHAIR, "customer_id": who, "price": price}
        await guide.publish(PriceDropped.model_validate(dropped))
    await guide.pass_time(who, DAY)
    return await guide.tell("watches a chair, and hears once that it costs less", who, guide.noon)


WATCHING = Tale("product-watch", ProductWatched, _waits_for_a_lower_price)
