from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sojourn.events import OrderCancelled, OrderCompleted, OrderRefunded, OrderShipped
from sojourn.testkit import JourneyTest, scenario
from workflows.order_confirmed import OrderConfirmed

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOON = datetime(2024, 1, 8, 12, tzinfo=UTC)
LAMP = {"product_id": "p1", "name": "Oak lamp", "price": "40", "quantity": 2}
ORDER: dict[str, Any] = {
    "order_id": "o1",
    "subtotal": "80",
    "shipping": "5.90",
    "discount": "8",
    "tax": "14.04",
    "total": "77.90",
    "currency": "EUR",
    "products": [LAMP],
    "shipping_address": "12 Harbour Lane, Bristol",
}


async def said(journey: JourneyTest) -> list[str]:
    return [row.step for row in await journey.messages() if row.state == "sent"]


@pytest.mark.temporal
@scenario("order-confirmed/exhausted")
async def test_an_order_is_confirmed_at_once(journey: JourneyTest) -> None:
    await journey.start(OrderConfirmed, **ORDER)
    assert journey.sent == ["summary", "receipt"]
    assert journey.outcome == "exhausted"
    text = (await journey.content("summary"))["text"]
    for line in (
        "Oak lamp · Quantity: 2 · €80.00",
        "Subtotal: €80.00",
        "Delivery: €5.90",
        "Discount: -€8.00",
        "Tax: €14.04",
        "Total: €77.90",
        "Delivery address: 12 Harbour Lane, Bristol",
    ):
        assert line in text
    assert "Total: €77.90." in (await journey.content("receipt"))["text"]
    assert "12 Harbour" not in (await journey.history()).to_json()


async def test_an_order_without_products_or_amounts_is_confirmed_all_the_same(
    journey: JourneyTest,
) -> None:
    await journey.start(OrderConfirmed, order_id="o1")
    assert journey.sent == ["summary", "receipt"]
    text = (await journey.content("summary"))["text"]
    assert "o1" in text
    assert "Total" not in text


async def test_an_order_that_is_told_twice_is_confirmed_once(journey: JourneyTest) -> None:
    await journey.start(OrderConfirmed, **ORDER)
    await journey.publish(OrderCompleted, **ORDER)
    await journey.after(3 * DAY)
    await journey.publish(OrderCompleted, **ORDER)
    await journey.publish(OrderCompleted, **ORDER, occurred_at=NOON - HOUR)
    assert await said(journey) == ["summary", "receipt"]
    await journey.publish(OrderCompleted, order_id="o2")
    assert len(await said(journey)) == 4


@pytest.mark.parametrize("undone", [NOON - HOUR, NOON - DAY], ids=["after-it", "before-it"])
@pytest.mark.parametrize("end", [OrderCancelled, OrderRefunded])
async def test_an_order_that_was_undone_before_it_was_told_is_not_confirmed(
    journey: JourneyTest, end: type[OrderCancelled | OrderRefunded], undone: datetime
) -> None:
    await journey.publish(end, order_id="o1", occurred_at=undone)
    await journey.publish(OrderCompleted, **ORDER, occurred_at=NOON - 2 * HOUR)
    await journey.publish(OrderCompleted, order_id="o2", occurred_at=NOON - HOUR)
    orders = {
        row.workflow_id.rpartition(":")[2]
        for row in await journey.messages()
        if row.state == "sent"
    }
    assert orders == {"o2"}


@scenario("order-confirmed/cancelled")
async def test_a_cancellation_ends_a_confirmation_that_waits(journey: JourneyTest) -> None:
    await journey.identify(email="", phone="")
    await journey.start(OrderConfirmed, **ORDER)
    await journey.publish(OrderCancelled, order_id="o1")
    assert journey.outcome == "stopped"
    await journey.identify(email="ada@shop.example", phone="+393201234567")
    await journey.after(DAY)
    assert journey.sent == []


@scenario("order-confirmed/no-sms")
async def test_a_no_to_text_messages_counts(journey: JourneyTest) -> None:
    await journey.identify(marketingConsent={"sms": False})
    await journey.start(OrderConfirmed, **ORDER)
    assert journey.sent == ["summary"]
    assert journey.outcome == "exhausted"


@pytest.mark.parametrize(("age", "left"), [(HOUR, ["summary", "receipt"]), (13 * HOUR, [])])
async def test_an_old_order_is_not_confirmed_late(
    journey: JourneyTest, age: timedelta, left: list[str]
) -> None:
    await journey.publish(OrderCompleted, **ORDER, occurred_at=NOON - age)
    assert await said(journey) == left


async def test_a_parcel_that_is_on_its_way_already_can_be_followed(journey: JourneyTest) -> None:
    url = "https://carrier.example/p/9"
    await journey.publish(OrderShipped, order_id="o1", tracking_url=url)
    await journey.start(OrderConfirmed, **ORDER)
    assert url in (await journey.content("summary"))["text"]
    assert url in (await journey.content("receipt"))["text"]
