from datetime import timedelta

from domain.events import OrderCompleted, ProductAdded
from testkit import JourneyTest
from workflows.abandoned_cart import AbandonedCart

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


async def test_left_cart_gets_the_whole_ladder(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.after(24 * HOUR)
    assert journey.sent == ["reminder"]
    await journey.after(2 * DAY)
    assert journey.sent == ["reminder", "nudge"]
    await journey.after(4 * DAY)
    assert journey.sent == ["reminder", "nudge", "offer"]
    assert journey.outcome == "exhausted"


async def test_purchase_cancels_the_reminder(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.after(23 * HOUR)
    await journey.publish(OrderCompleted, cart_id="cart7")
    assert journey.outcome == "converted"
    await journey.after(10 * DAY)
    assert journey.sent == []


async def test_another_product_restarts_the_ladder(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.after(25 * HOUR)
    await journey.publish(ProductAdded, cart_id="cart7", product_id="second")
    await journey.after(23 * HOUR)
    assert journey.sent == ["reminder"]
    await journey.after(1 * HOUR)
    assert journey.sent == ["reminder", "reminder"]
