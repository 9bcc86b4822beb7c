from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from sojourn import QuietHours, Settings
from sojourn.events import (
    Event,
    OrderCompleted,
    PriceDropped,
    PriceRaised,
    Product,
    ProductBackInStock,
    ProductOutOfStock,
    ProductUnwatched,
    ProductViewed,
    ProductWatched,
)
from sojourn.testkit import JourneyTest, scenario
from workflows.product_watch import ProductWatch

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LAMP = {"product_id": "lamp", "name": "Oak lamp", "currency": "EUR"}
NIGHT = datetime(2024, 1, 9, 22, 30, tzinfo=UTC)  # 23:30 in Rome, where it is quiet until nine
MORNING = datetime(2024, 1, 10, 9, tzinfo=UTC)


async def watch(journey: JourneyTest, wants: str | None = "price", **fields: Any) -> None:
    await journey.start(ProductWatch, **{**LAMP, "price": 100, "wants": wants, **fields})


async def tell(journey: JourneyTest, kind: type[Event], **fields: Any) -> None:
    await journey.publish(kind, **{**LAMP, **fields})


async def drop(journey: JourneyTest, price: int = 80, **fields: Any) -> None:
    await tell(journey, PriceDropped, price=price, **fields)


async def back(journey: JourneyTest, **fields: Any) -> None:
    await tell(journey, ProductBackInStock, **fields)


@scenario("product-watch/price-dropped")
async def test_a_lower_price_is_told_once(journey: JourneyTest) -> None:
    await journey.identify(pushToken="")
    await watch(journey)
    await journey.after(5 * DAY)
    await drop(journey)
    assert journey.sent == ["price-dropped"]
    mail = await journey.content("price-dropped")
    assert "€100.00" in mail["text"]
    assert "€80.00" in mail["text"]
    assert journey.outcome == "exhausted"
    await drop(journey, 60)
    assert journey.sent == ["price-dropped"]


@scenario("product-watch/back-in-stock")
async def test_new_stock_is_told_once(journey: JourneyTest) -> None:
    await watch(journey, "stock")
    await drop(journey)
    assert journey.sent == [], "nobody asked for the price"
    await back(journey)
    assert journey.sent == ["back-in-stock"]
    assert "Oak lamp" in (await journey.content("back-in-stock"))["body"]


async def test_who_wants_either_gets_the_first(journey: JourneyTest) -> None:
    await watch(journey, None)
    await back(journey)
    await drop(journey)
    assert journey.sent == ["back-in-stock"]


@scenario("product-watch/over")
async def test_a_watch_lasts_ninety_days(journey: JourneyTest) -> None:
    await watch(journey)
    await journey.after(90 * DAY + HOUR)
    assert journey.outcome == "exhausted"
    await drop(journey)
    assert journey.sent == []


async def test_watching_once_more_lasts_from_then_and_counts_from_that_price(
    journey: JourneyTest,
) -> None:
    await watch(journey)
    await journey.after(60 * DAY)
    await tell(journey, ProductWatched, price=70, wants="price")
    await journey.after(60 * DAY)
    await drop(journey, 80)
    assert journey.skipped == [("price-dropped", "nothing_to_say")]
    await drop(journey, 60)
    assert journey.sent == ["price-dropped"]


async def test_what_is_watched_for_more_later_is_told_of_either(journey: JourneyTest) -> None:
    await watch(journey, "price")
    await tell(journey, ProductWatched, wants="stock")
    await back(journey)
    assert journey.sent == ["back-in-stock"]


@scenario("product-watch/unwatched")
async def test_nothing_once_it_is_not_watched_any_more(journey: JourneyTest) -> None:
    await watch(journey)
    await journey.publish(ProductUnwatched, product_id="lamp")
    assert journey.outcome == "exhausted"
    await drop(journey)
    assert journey.sent == []


async def test_another_product_that_is_given_up_leaves_this_one_alone(
    journey: JourneyTest,
) -> None:
    await watch(journey)
    await journey.publish(ProductUnwatched, product_id="never watched here")
    await drop(journey)
    assert journey.sent == ["price-dropped"]


@scenario("product-watch/bought")
async def test_nothing_about_what_was_bought_since(journey: JourneyTest) -> None:
    await watch(journey)
    lamp = Product(product_id="lamp")
    await journey.publish(OrderCompleted, order_id="o1", products=(lamp,))
    await drop(journey)
    assert journey.sent == []
    assert journey.skipped == [("price-dropped", "nothing_left")]
    assert journey.outcome == "exhausted"


async def test_an_order_of_something_else_or_from_before_changes_nothing(
    journey: JourneyTest,
) -> None:
    lamp, rug = Product(product_id="lamp"), Product(product_id="rug")
    await journey.publish(OrderCompleted, order_id="o0", products=(lamp,))
    await journey.after(HOUR)
    await watch(journey)
    await journey.publish(OrderCompleted, order_id="o1", products=(rug,))
    await drop(journey)
    assert journey.sent == ["price-dropped"]


async def test_a_price_in_another_currency_is_not_compared(journey: JourneyTest) -> None:
    await watch(journey)
    await drop(journey, 20, currency="GBP")
    assert journey.skipped == [("price-dropped", "nothing_to_say")]


async def test_without_a_price_then_a_drop_is_a_drop(journey: JourneyTest) -> None:
    await watch(journey, price=None)
    await drop(journey)
    assert journey.sent == ["price-dropped"]


async def test_two_products_do_not_disturb_each_other(journey: JourneyTest) -> None:
    await watch(journey)
    await watch(journey, product_id="rug", name="Rug")
    await drop(journey, product_id="rug", name="Rug")
    assert journey.outcomes == ["open", "exhausted"]


class TestNight:
    """News of 23:30 in Rome, whose message waits for the morning."""

    @pytest.fixture
    def journey_settings(self, journey_settings: Settings) -> Settings:
        return journey_settings.model_copy(update={"quiet_hours": QuietHours(time(21), time(9))})

    @scenario("product-watch/risen-again")
    async def test_a_price_that_rises_in_the_night_is_not_told_and_the_next_drop_is(
        self,
        journey: JourneyTest,
    ) -> None:
        await watch(journey)
        await journey.until(NIGHT)
        await drop(journey)
        assert journey.sent == []
        await tell(journey, PriceRaised, price=110)
        await journey.until(MORNING)
        assert journey.sent == []
        assert journey.skipped == [("price-dropped", "nothing_to_say")]
        await drop(journey, 90)
        assert journey.sent == ["price-dropped"]

    async def test_a_price_that_rises_a_little_is_told_as_it_is(self, journey: JourneyTest) -> None:
        await journey.identify(pushToken="")
        await watch(journey)
        await journey.until(NIGHT)
        await drop(journey)
        await tell(journey, PriceRaised, price=90)
        await journey.until(MORNING)
        assert "€90.00" in (await journey.content("price-dropped"))["text"]

    async def test_a_look_at_a_higher_price_tells_that_it_has_risen(
        self, journey: JourneyTest
    ) -> None:
        await watch(journey)
        await journey.until(NIGHT)
        await drop(journey)
        await tell(journey, ProductViewed, price=100)
        await journey.until(MORNING)
        assert journey.skipped == [("price-dropped", "nothing_to_say")]

    async def test_what_sells_out_in_the_night_is_not_told(self, journey: JourneyTest) -> None:
        await watch(journey, None)
        await journey.until(NIGHT)
        await back(journey)
        await drop(journey)
        await journey.publish(ProductOutOfStock, product_id="lamp")
        await journey.until(MORNING)
        assert journey.sent == []
        assert {reason for _, reason in journey.skipped} == {"nothing_to_say"}
        await back(journey)
        assert journey.sent == ["back-in-stock"]

    async def test_what_is_bought_or_given_up_in_the_night_is_not_told(
        self, journey: JourneyTest
    ) -> None:
        await watch(journey)
        await journey.until(NIGHT)
        await drop(journey)
        await journey.publish(ProductUnwatched, product_id="lamp")
        await journey.until(MORNING)
        assert journey.sent == []
        assert journey.skipped == [("price-dropped", "superseded")]
