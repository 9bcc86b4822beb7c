from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from sojourn import QuietHours, Settings
from sojourn.events import OrderCompleted, ProductAdded, ProductOutOfStock, ProductViewed
from sojourn.testkit import JourneyTest, scenario
from workflows.abandoned_cart import AbandonedCart

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@scenario("abandoned-cart/exhausted")
async def test_a_left_cart_gets_the_whole_ladder(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.after(24 * HOUR)
    assert journey.sent == ["reminder"]
    await journey.after(2 * DAY)
    assert journey.sent == ["reminder", "nudge"]
    await journey.after(4 * DAY)
    assert journey.sent == ["reminder", "nudge", "offer"]
    assert journey.outcome == "exhausted"


@scenario("abandoned-cart/bought-before-the-reminder")
async def test_a_purchase_cancels_the_reminder(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.after(23 * HOUR)
    await journey.publish(OrderCompleted, cart_id="cart7")
    assert journey.outcome == "converted"
    await journey.after(10 * DAY)
    assert journey.sent == []


@scenario("abandoned-cart/bought-after-the-nudge")
async def test_a_purchase_after_the_nudge_cancels_the_offer(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.after(4 * DAY)
    await journey.publish(OrderCompleted, cart_id="cart7")
    assert journey.outcome == "converted"
    assert journey.sent == ["reminder", "nudge"]


@scenario("abandoned-cart/restarted-twice")
async def test_every_further_product_restarts_the_ladder(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.after(5 * HOUR)
    await journey.publish(ProductAdded, cart_id="cart7", product_id="second")
    await journey.after(2 * DAY)
    await journey.publish(ProductAdded, cart_id="cart7", product_id="third")
    await journey.after(8 * DAY)
    assert journey.sent == ["reminder", "reminder", "nudge", "offer"]


@scenario("abandoned-cart/nobody-to-write-to")
async def test_a_customer_without_an_address_is_skipped(journey: JourneyTest) -> None:
    await journey.identify(email="", phone="", pushToken="")
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.after(8 * DAY)
    assert journey.sent == []
    assert {reason for _, reason in journey.skipped} == {"no_address"}


@scenario("abandoned-cart/stopped-by-an-operator")
async def test_an_operator_stops_the_ladder(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.after(2 * DAY)
    await journey.stop("the shop is closed")
    assert journey.outcome == "stopped"
    assert journey.sent == ["reminder"]


async def test_another_product_restarts_the_ladder(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.after(25 * HOUR)
    await journey.publish(ProductAdded, cart_id="cart7", product_id="second")
    await journey.after(23 * HOUR)
    assert journey.sent == ["reminder"]
    await journey.after(1 * HOUR)
    assert journey.sent == ["reminder", "reminder"]


@pytest.mark.parametrize("named", [{}, {"cart_id": "never-heard-of"}], ids=["none", "unknown"])
async def test_a_purchase_that_names_no_cart_of_ours_ends_every_cart(
    journey: JourneyTest, named: dict[str, Any]
) -> None:
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.publish(ProductAdded, cart_id="cart8", product_id="second")
    await journey.publish(OrderCompleted, **named)
    await journey.after(8 * DAY)
    assert journey.sent == []
    assert journey.outcomes == ["converted", "converted"]


LAMP: dict[str, Any] = {
    "product_id": "lamp",
    "name": "Oak lamp",
    "price": "89.50",
    "currency": "EUR",
}
MUG: dict[str, Any] = {"product_id": "mug", "name": "Blue mug", "price": "12.00", "currency": "EUR"}


async def test_what_was_bought_with_another_cart_is_not_offered(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="cart7", **LAMP)
    await journey.publish(ProductAdded, cart_id="cart7", **MUG)
    await journey.publish(ProductAdded, cart_id="cart8", **MUG)
    await journey.publish(OrderCompleted, cart_id="cart8", products=[MUG])
    await journey.after(24 * HOUR)
    assert journey.sent == ["reminder"]
    text = (await journey.content("reminder"))["text"]
    assert "Oak lamp" in text
    assert "Blue mug" not in text


@scenario("abandoned-cart/nothing-left")
async def test_a_cart_of_which_nothing_is_left_sends_nothing(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="cart7", **LAMP)
    await journey.publish(ProductAdded, cart_id="cart7", **MUG)
    await journey.publish(ProductOutOfStock, product_id="lamp")
    await journey.publish(ProductAdded, cart_id="cart8", **MUG)
    await journey.publish(OrderCompleted, cart_id="cart8", products=[MUG])
    await journey.after(8 * DAY)
    assert journey.sent == []
    skipped = [("reminder", "nothing_left"), ("nudge", "nothing_left"), ("offer", "nothing_left")]
    assert journey.skipped == skipped


async def test_a_price_that_has_changed_since_is_not_promised(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="cart7", **LAMP)
    await journey.publish(ProductAdded, cart_id="cart7", **MUG)
    await journey.publish(ProductViewed, **{**LAMP, "price": "99.00"})
    await journey.after(24 * HOUR)
    text = (await journey.content("reminder"))["text"]
    assert "Oak lamp" in text
    assert "12.00" in text
    assert not any(told in text for told in ("89.50", "99.00", "101.50", "Total"))


class TestQuietHours:
    """Leave a cart at 22:30 in Rome, whose reminder falls due in the next night."""

    @pytest.fixture
    def journey_settings(self, journey_settings: Settings) -> Settings:
        return journey_settings.model_copy(update={"quiet_hours": QuietHours(time(21), time(9))})

    @pytest.fixture
    def late(self, journey: JourneyTest) -> JourneyTest:
        journey.begin_at(datetime(2024, 1, 8, 21, 30, tzinfo=UTC))
        return journey

    async def test_the_reminder_waits_for_the_morning(self, late: JourneyTest) -> None:
        await late.start(AbandonedCart, cart_id="cart7")
        await late.after(25 * HOUR)
        assert late.sent == []
        assert (await late.messages())[0].state == "deferred"
        await late.after(10 * HOUR)
        assert late.sent == ["reminder"]
        (row,) = await late.messages()
        late_by = row.decided_at - datetime(2024, 1, 10, 8, tzinfo=UTC)
        assert timedelta(0) <= late_by < timedelta(minutes=11)

    async def test_a_purchase_in_the_night_cancels_what_is_held(self, late: JourneyTest) -> None:
        await late.start(AbandonedCart, cart_id="cart7")
        await late.after(26 * HOUR)
        await late.publish(OrderCompleted, cart_id="cart7")
        assert late.outcome == "converted"
        assert late.skipped == [("reminder", "goal_reached")]

    async def test_another_product_in_the_night_restarts_the_ladder(
        self, late: JourneyTest
    ) -> None:
        await late.start(AbandonedCart, cart_id="cart7")
        await late.after(34 * HOUR)  # 07:30, the reminder is held
        await late.publish(ProductAdded, cart_id="cart7", product_id="second")
        await late.after(6 * HOUR)
        assert late.sent == []
        await late.after(26 * HOUR)
        assert late.sent == ["reminder"]
        assert late.skipped == [("reminder", "superseded")]


async def test_a_product_that_comes_in_late_is_bought_if_the_order_names_no_cart_of_ours(
    journey: JourneyTest,
) -> None:
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.after(HOUR)
    now = await journey.now()
    await journey.publish(OrderCompleted, cart_id="the cart of another device")
    await journey.after(HOUR)
    await journey.publish(ProductAdded, cart_id="cart7", occurred_at=now - 2 * HOUR)
    await journey.after(8 * DAY)
    assert journey.sent == []
    assert journey.outcomes == ["converted"]
