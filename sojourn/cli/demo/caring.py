"""The story of a customer who complains."""

from datetime import timedelta

from sojourn.cli.demo.guide import Guide, Played
from sojourn.cli.demo.tale import Tale
from sojourn.domain.events import ComplaintReceived, ComplaintResolved, ProductAdded

LAMP = {"product_id": "p1", "name": "Reading lamp", "price": "49.90", "currency": "EUR"}


async def _complains(guide: Guide) -> Played:
    who = await guide.customer("Ewa", "pl-PL")
    await guide.publish(ComplaintReceived(customer_id=who, complaint_id="k1"))
    await guide.publish(ProductAdded(customer_id=who, cart_id="cart9", **LAMP))
    await guide.pass_time(who, timedelta(days=5))
    await guide.publish(ComplaintResolved(customer_id=who, complaint_id="k1"))
    await guide.pass_time(who, timedelta(days=4))
    return await guide.tell(
        "complains: answered at once, no offer until it is settled", who, guide.noon
    )


CARING = Tale("service-recovery", ComplaintReceived, _complains)
