"""Stories of orders: placed, and on their way."""

from datetime import timedelta

from sojourn.cli.demo.guide import Guide, Played
from sojourn.cli.demo.tale import Tale
from sojourn.domain.events import (
    DeliveryFailed,
    OrderCompleted,
    OrderDelivered,
    OrderShipped,
    OutForDelivery,
)

A_WHILE = timedelta(minutes=5)
LAMP = {"product_id": "p1", "name": "Reading lamp", "price": "49.90"}
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


async def _orders_a_lamp(guide: Guide) -> Played:
    who = await guide.customer("Hania", "pl-PL")
    paid = {"total": "54.90", "shipping": "5.00", "currency": "EUR"}
    order = {"customer_id": who, "order_id": "o10", "products": [LAMP], **paid}
    await guide.publish(OrderCompleted.model_validate(order))
    await guide.publish(OrderCompleted.model_validate(order))
    await guide.pass_time(who, A_WHILE)
    return await guide.tell("orders a lamp, and the shop tells it twice", who, guide.noon)


PARCELS = (
    Tale("order-confirmed", OrderCompleted, _orders_a_lamp),
    Tale("delivery", OrderShipped, _is_not_at_home),
)
