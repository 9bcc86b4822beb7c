from datetime import timedelta
from typing import Any

from sojourn.events import (
    Event,
    OrderCompleted,
    ProductAdded,
    ProductOutOfStock,
    ProductViewed,
)
from sojourn.testkit import JourneyTest, scenario

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LAMP: dict[str, Any] = {"product_id": "lamp", "name": "Oak lamp", "price": 89, "currency": "EUR"}
MUG: dict[str, Any] = {"product_id": "mug", "name": "Blue mug"}


async def look(journey: JourneyTest, *products: dict[str, Any]) -> None:
    for product in products:
        await journey.publish(ProductViewed, **product)


@scenario("browse-abandonment/exhausted")
async def test_three_looks_are_answered_by_one_message(journey: JourneyTest) -> None:
    await look(journey, MUG, LAMP, LAMP)
    await journey.after(5 * HOUR)
    assert journey.sent == []
    await journey.after(1 * HOUR)
    assert journey.sent == ["reminder"]
    text = (await journey.content("reminder"))["text"]
    assert text.index("Oak lamp") < text.index("Blue mug"), "the one looked at more often"
    assert "89.00" in text
    assert journey.outcome == "exhausted"


async def test_a_further_look_gives_six_more_hours(journey: JourneyTest) -> None:
    await look(journey, LAMP, LAMP, LAMP)
    await journey.after(5 * HOUR)
    await look(journey, MUG)
    await journey.after(5 * HOUR)
    assert journey.sent == []
    await journey.after(1 * HOUR)
    assert journey.sent == ["reminder"]


async def test_two_looks_are_nothing_to_write_about(journey: JourneyTest) -> None:
    await look(journey, LAMP)
    await journey.after(12 * HOUR)
    await look(journey, LAMP)
    await journey.after(13 * HOUR)
    await look(journey, LAMP)
    await journey.after(2 * DAY)
    assert journey.outcomes == []
    assert journey.sent == []


async def test_a_look_that_comes_in_late_counts_by_its_own_moment(journey: JourneyTest) -> None:
    await look(journey, LAMP, MUG)
    earlier = await journey.now() - 3 * HOUR
    await journey.after(HOUR)
    await journey.publish(ProductViewed, **LAMP, occurred_at=earlier)
    assert journey.outcomes == ["open"]
    await journey.after(2 * HOUR)
    assert journey.sent == ["reminder"], "six hours after the look that began the run"


@scenario("browse-abandonment/added")
async def test_a_product_in_the_cart_ends_it(journey: JourneyTest) -> None:
    await ends_by(journey, ProductAdded, cart_id="cart7", **MUG)


@scenario("browse-abandonment/ordered")
async def test_an_order_ends_it(journey: JourneyTest) -> None:
    await ends_by(journey, OrderCompleted)


async def ends_by(journey: JourneyTest, event: type[Event], **fields: Any) -> None:
    await look(journey, LAMP, LAMP, LAMP)
    await journey.after(3 * HOUR)
    await journey.publish(event, **fields)
    await journey.after(1 * HOUR)
    assert "converted" in journey.outcomes
    assert journey.sent == []


async def test_who_has_a_cart_or_has_ordered_lately_is_left_alone(journey: JourneyTest) -> None:
    await journey.publish(OrderCompleted)
    await journey.after(7 * DAY)
    await look(journey, LAMP, LAMP, LAMP)
    await journey.after(1 * DAY)
    assert journey.sent == []
    await journey.after(1 * HOUR)  # eight days after the order
    await look(journey, LAMP, LAMP, LAMP)
    await journey.after(6 * HOUR)
    assert journey.sent == ["reminder"]


async def test_nobody_gets_it_twice_in_fourteen_days(journey: JourneyTest) -> None:
    for day in range(16):
        await look(journey, LAMP, LAMP, LAMP)
        await journey.after(1 * DAY)
        assert len(journey.sent) == (1 if day < 14 else 2)


@scenario("browse-abandonment/nothing-left")
async def test_what_is_out_of_stock_is_not_written_about(journey: JourneyTest) -> None:
    await look(journey, LAMP, LAMP, LAMP)
    await journey.publish(ProductOutOfStock, product_id="lamp")
    await journey.after(1 * DAY)
    assert journey.skipped == [("reminder", "nothing_left")]


async def test_who_refuses_the_topic_gets_nothing(journey: JourneyTest) -> None:
    await journey.identify(consents=[{"topic": "browsing", "granted": False}])
    await look(journey, LAMP, LAMP, LAMP)
    await journey.after(1 * DAY)
    assert journey.skipped == [("reminder", "opted_out")]


async def test_an_operator_stops_it(journey: JourneyTest) -> None:
    await look(journey, LAMP, LAMP, LAMP)
    await journey.stop("the shop is closed")
    assert journey.outcome == "stopped"
