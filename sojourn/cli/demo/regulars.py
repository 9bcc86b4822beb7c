"""Stories of customers who have bought something."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sojourn.cli.demo.guide import Guide, Played
from sojourn.cli.demo.tale import Tale
from sojourn.domain.events import (
    OrderCompleted,
    OrderDelivered,
    OrderRefunded,
    PointsEarned,
    PointsExpiring,
    PointsSpent,
    Product,
    TierReached,
)

DAY = timedelta(days=1)
LAMP = Product(product_id="p1", name="Reading lamp", category="Lighting")
RUG = Product(product_id="rug", name="Wool rug")


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


async def _earns_and_spends(guide: Guide) -> Played:
    who = await guide.customer("Sofia", "it-IT")
    worth = {"worth": Decimal("12.40"), "currency": "EUR"}
    await guide.publish(PointsEarned(customer_id=who, points=40, balance=1240, **worth))
    await guide.publish(PointsSpent(customer_id=who, points=200, balance=1040))
    await guide.pass_time(who, 33 * DAY)
    return await guide.tell("earns points and spends some", who, guide.noon)


async def _reaches_gold(guide: Guide) -> Played:
    who = await guide.customer("Grace", "en-GB")
    await guide.publish(TierReached(customer_id=who, tier="Gold"))
    await guide.pass_all_time(who)
    return await guide.tell("reaches a tier", who, guide.noon)


async def _lets_points_expire(guide: Guide) -> Played:
    who = await guide.customer("Piotr", "pl-PL")
    end = datetime.now(UTC) + 20 * DAY
    await guide.publish(PointsExpiring(customer_id=who, points=122, expires_at=end))
    await guide.pass_time(who, 20 * DAY)
    return await guide.tell("lets points expire", who, guide.noon)


REGULARS = (
    Tale("loyalty", PointsEarned, _earns_and_spends),
    Tale("loyalty-tier", TierReached, _reaches_gold),
    Tale("points-expiring", PointsExpiring, _lets_points_expire),
    Tale("after-purchase", OrderDelivered, _keeps_the_lamp),
    Tale("win-back", OrderCompleted, _orders_no_more),
)
