"""A purchase under another name of the same cart."""

from datetime import timedelta
from typing import Any

import pytest

from sojourn.events import (
    OrderCompleted,
    ProductAdded,
    SubscriptionCancelled,
    SubscriptionRenewed,
    SubscriptionStarted,
)
from sojourn.testkit import JourneyTest
from workflows.abandoned_cart import AbandonedCart
from workflows.renewal import Renewal

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("cart", "order"),
    [
        ("tok?key=abc", "tok"),
        ("tok", "tok?key=abc"),
        ("gid://shopify/Cart/tok?key=abc", "tok"),
        ("tok", "gid://shopify/Cart/tok"),
        (" tok", "tok "),
        (12, 12.0),
        ("12", "12.0"),
    ],
)
async def test_a_purchase_of_the_cart_by_another_name_ends_its_run_alone(
    journey: JourneyTest, cart: Any, order: Any
) -> None:
    await journey.start(AbandonedCart, cart_id="another")
    await journey.start(AbandonedCart, cart_id=str(cart))
    await _track(journey, OrderCompleted.event_name, {"order_id": "o", "cart_id": order})
    assert sorted(journey.outcomes) == ["converted", "open"]
    await journey.after(2 * DAY)
    assert journey.sent == ["reminder"]


async def test_a_product_of_the_cart_by_another_name_is_no_second_run(
    journey: JourneyTest,
) -> None:
    await journey.start(AbandonedCart, cart_id="tok?key=abc")
    await journey.publish(ProductAdded, cart_id="gid://shopify/Cart/tok", product_id="p2")
    assert journey.outcomes == ["open"]
    await journey.after(25 * HOUR)
    assert journey.sent == ["reminder"]


async def test_an_order_of_a_cart_that_the_customer_never_had_ends_all_carts(
    journey: JourneyTest,
) -> None:
    await journey.start(AbandonedCart, cart_id="A")
    await journey.start(AbandonedCart, cart_id="A2")
    published = await journey.publish(OrderCompleted, cart_id="B", ask=True)
    assert {answer.effect for answer in published.effects.values() if answer} == {"ended"}
    assert len(published.effects) == 2
    await journey.after(8 * DAY)
    assert (journey.sent, journey.outcomes) == ([], ["converted", "converted"])


async def test_an_order_of_another_cart_of_the_customer_leaves_the_others_alone(
    journey: JourneyTest,
) -> None:
    await journey.start(AbandonedCart, cart_id="A")
    await journey.start(AbandonedCart, cart_id="B")
    await journey.publish(OrderCompleted, cart_id="B?key=secret")
    assert sorted(journey.outcomes) == ["converted", "open"]
    await journey.after(2 * DAY)
    assert journey.sent == ["reminder"]


async def test_orders_of_unknown_carts_do_not_make_each_other_known(journey: JourneyTest) -> None:
    """The shop's server names the basket of the account, and the page the cart of the session."""
    await journey.start(AbandonedCart, cart_id="session1")
    await journey.publish(OrderCompleted, cart_id="basket")
    await journey.after(DAY)
    await journey.start(AbandonedCart, cart_id="session2")
    await journey.publish(OrderCompleted, cart_id="basket", order_id="o2")
    await journey.after(8 * DAY)
    assert journey.sent == []


async def test_a_product_that_comes_after_the_order_of_its_cart_takes_nothing_back(
    journey: JourneyTest,
) -> None:
    await journey.start(AbandonedCart, cart_id="A")
    now = await journey.now()
    await journey.publish(OrderCompleted, cart_id="B", occurred_at=now + HOUR)
    await journey.publish(ProductAdded, cart_id="B", occurred_at=now)
    await journey.after(8 * DAY)
    assert (journey.sent, journey.outcomes) == ([], ["converted"])


async def test_a_cancellation_of_an_unknown_subscription_ends_the_reminders(
    journey: JourneyTest,
) -> None:
    ends = await journey.now() + 9 * DAY
    await journey.start(Renewal, subscription_id="s1", expires_at=ends)
    await journey.publish(SubscriptionCancelled, subscription_id="contract-1")
    assert journey.outcomes == ["stopped"]


async def test_a_renewal_is_of_the_subscription_whose_next_period_it_begins(
    journey: JourneyTest,
) -> None:
    now = await journey.now()
    await journey.start(Renewal, subscription_id="s1", expires_at=now + 9 * DAY)
    await journey.publish(SubscriptionRenewed, subscription_id="s2", expires_at=now + 99 * DAY)
    assert journey.outcomes == ["open", "open"]
    await journey.publish(SubscriptionStarted, subscription_id="s3", expires_at=now + 99 * DAY)
    await journey.publish(SubscriptionCancelled, subscription_id="s3")
    assert sorted(journey.outcomes) == ["open", "open", "stopped"]


async def _track(journey: JourneyTest, name: str, properties: dict[str, Any]) -> None:
    """Send properties as a service does, numbers included."""
    sojourn = await journey._ready()
    await sojourn.track(
        name,
        properties,
        message_id=f"{journey.customer_id}-{name}",
        customer_id=journey.customer_id,
        occurred_at=await journey.now(),
    )
    await journey.settled()
