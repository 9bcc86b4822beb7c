"""Tales of orders on their way."""

from datetime import timedelta

from sojourn.cli.demo.guide import Guide, Played
from sojourn.cli.demo.tale import Tale
from sojourn.domain.events import DeliveryFailed, OrderDelivered, OrderShipped, OutForDelivery

A_WHILE = timedelta(minutes=5)
FOLLOW = "https://carrier.example/p/9"


async def _is_not_at_home(guide: Guide) -> Played:
    who = await guide.customer("Chiara", "it-IT")
    await guide.publish(OrderShipped(customer_id=who, order_id="o9", tracking_url=FOLLOW))
    await guide.pass_time(who, A_WHILE)
    await guide.publish(OutForDelivery(customer_id=who, order_id="o9"))
    await guide.pass_time(who, A_WHILE)
    await guide.publish(DeliveryFailed(customer_id=who, order_id="o9", pickup_at="Via Roma 1"))
    await guide.pass_time(who, A_WHILE)
    await guide.publish(OrderDelivered(customer_id=who, order_id="o9"))
    await guide.pass_time(who, A_WHILE)
    return await guide.tell("is not at home, and fetches the parcel", who, guide.noon)


PARCELS = (Tale("delivery", OrderShipped, _is_not_at_home),)
