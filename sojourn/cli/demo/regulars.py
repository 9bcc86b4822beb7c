"""Tales of customers who have bought: what follows an order."""

from datetime import timedelta

from sojourn.cli.demo.guide import Guide, Played
from sojourn.cli.demo.tale import Tale
from sojourn.domain.events import OrderCompleted, OrderDelivered, OrderRefunded, Product

DAY = timedelta(days=1)
LAMP = Product(product_id="p1", name="Reading lamp", category="Lamps")
RUG = Product(product_id="p2", name="Wool rug", category="Rugs")


async def _keeps_the_lamp(guide: Guide) -> Played:
    who = await guide.customer("Olga", "pl-PL")
    await guide.publish(OrderCompleted(customer_id=who, order_id="o7", products=(LAMP, RUG)))
    await guide.publish(OrderDelivered(customer_id=who, order_id="o7"))
    await guide.publish(OrderRefunded(customer_id=who, order_id="o7", products=(RUG,)))
    await guide.pass_time(who, 18 * DAY)
    return await guide.tell("keeps the lamp and returns the rug", who, guide.noon)


async def _orders_no_more(guide: Guide) -> Played:
    who = await guide.customer("Pietro", "it-IT")
    await guide.publish(OrderCompleted(customer_id=who, order_id="o8", products=(RUG,)))
    await guide.pass_time(who, 83 * DAY)
    return await guide.tell("orders once, and is not seen again", who, guide.noon)


REGULARS = (
    Tale("after-purchase", OrderDelivered, _keeps_the_lamp),
    Tale("win-back", OrderCompleted, _orders_no_more),
)
