"""Messages tell a cart and a subscription as they are, however much else has happened."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sojourn import days, hours, minutes
from sojourn.events import (
    CartViewed,
    Event,
    ProductAdded,
    ProductRemoved,
    SubscriptionChanged,
)
from sojourn.store import events, histories, people
from sojourn.store.tables import EventRow
from sojourn.testkit import JourneyTest
from workflows.abandoned_cart import AbandonedCart
from workflows.renewal import Renewal

MANY = histories.LIMIT + 5
EUROS = {"price": 40, "currency": "EUR"}
EXPIRES = datetime(2024, 3, 1, 15, tzinfo=UTC)


async def happened(journey: JourneyTest, event: str, **properties: Any) -> None:
    """Have many things happen that no run is told of, a second apart; time goes on after them."""
    now = await journey.now()

    def rows() -> Iterator[EventRow]:
        for second in range(MANY):
            yield EventRow(
                message_id=str(uuid4()),
                customer_id=journey.customer_id,
                name=event,
                occurred_at=now + timedelta(seconds=second),
                received_at=now,
                routed_at=now,
                properties=properties,
            )

    async with journey.store.transaction() as session:
        await people.lock(session, journey.customer_id)
        await events.add_all(session, list(rows()))
    await journey.after(minutes(10))


async def test_a_removed_product_stays_removed_whatever_else_happened(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="k", product_id="lamp", name="Lamp", **EUROS)
    desk: dict[str, Any] = {"product_id": "desk", "name": "Desk", "price": 200, "currency": "EUR"}
    await journey.publish(ProductAdded, cart_id="k", **desk)
    await journey.publish(ProductRemoved, cart_id="k", product_id="lamp")
    await happened(journey, "Feature Used", feature="search")
    await happened(journey, "Product Added", cart_id="another", product_id="lamp", name="Lamp")
    await journey.after(hours(24))
    text = (await journey.content("reminder"))["text"]
    assert "Desk" in text
    assert "200.00" in text
    assert "Lamp" not in text


async def test_an_emptied_cart_is_not_spoken_of_whatever_else_happened(
    journey: JourneyTest,
) -> None:
    await journey.start(AbandonedCart, cart_id="k", product_id="lamp", name="Lamp")
    await journey.publish(ProductRemoved, cart_id="k", product_id="lamp")
    await happened(journey, "Feature Used", feature="search")
    await journey.after(days(8))
    assert journey.sent == []
    assert journey.skipped == [(step, "nothing_left") for step in ("reminder", "nudge", "offer")]


async def test_every_piece_of_a_long_cart_counts(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="k", product_id="lamp", name="Lamp", **EUROS)
    mugs: dict[str, Any] = {"product_id": "mug", "name": "Mug", "quantity": MANY}
    await journey.publish(ProductAdded, cart_id="k", **mugs)
    await happened(journey, "Product Removed", cart_id="k", product_id="mug")
    await journey.after(hours(24))
    text = (await journey.content("reminder"))["text"]
    assert "Lamp" in text
    assert "Mug" not in text  # each of them was taken out again


async def test_a_changed_subscription_is_told_as_it_is_whatever_else_happened(
    journey: JourneyTest,
) -> None:
    await journey.start(
        Renewal, subscription_id="s", expires_at=EXPIRES, plan="Basic", price=99, currency="EUR"
    )
    moved = EXPIRES + days(19)
    plus: dict[str, Any] = {"plan": "Plus", "price": 149, "currency": "EUR"}
    await journey.publish(SubscriptionChanged, subscription_id="s", expires_at=moved, **plus)
    await happened(journey, "Feature Used", feature="search")
    await journey.until(moved - days(6))
    assert journey.sent == ["in-a-week"]
    text = (await journey.content("in-a-week"))["text"]
    assert all(part in text for part in ("20 March 2024", "Plus", "149.00"))


async def test_a_price_is_not_told_in_another_currency(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="k", product_id="lamp", name="Lamp", **EUROS)
    seen: Event = CartViewed.model_validate(
        {
            "customer_id": journey.customer_id,
            "cart_id": "k",
            "products": [{"product_id": "lamp", "quantity": 1, "currency": "CZK"}],
            "occurred_at": await journey.now(),
        }
    )
    await journey.publish(seen)
    await journey.after(hours(24) + minutes(1))
    said = (await journey.content("reminder"))["text"].partition("\n--\n")[0]  # links say anything
    assert "Lamp" in said
    for part in ("40", "CZK", "Total"):
        assert part not in said


async def test_a_subscriptions_price_is_not_told_in_another_currency(journey: JourneyTest) -> None:
    await journey.start(
        Renewal, subscription_id="s", expires_at=EXPIRES, plan="Basic", price=5, currency="EUR"
    )
    await journey.publish(SubscriptionChanged, subscription_id="s", currency="PLN")
    await journey.until(EXPIRES - days(6))
    text = (await journey.content("in-a-week"))["text"]
    assert "Basic" in text
    for part in ("PLN", "5.00", "zł"):
        assert part not in text
