from datetime import date, timedelta

from sojourn.events import (
    ComplaintReceived,
    OrderCancelled,
    OrderCompleted,
    OrderDelivered,
    OrderRefunded,
    ProductReviewed,
)
from sojourn.testkit import JourneyTest, scenario
from workflows.after_purchase import AfterPurchase

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LAMP = {"product_id": "p1", "name": "Oak lamp", "category": "Lighting"}
RUG = {"product_id": "rug", "name": "Wool rug"}
CHAIR = {"product_id": "p3", "name": "Chair", "category": "Chairs"}


async def delivered(journey: JourneyTest, *products: object, order_id: str = "o1") -> None:
    """Order products, a lamp unless said otherwise, and have them delivered two days later."""
    await journey.publish(OrderCompleted, order_id=order_id, products=products or (LAMP,))
    await journey.after(2 * DAY)
    await journey.start(AfterPurchase, order_id=order_id)


@scenario("after-purchase/exhausted")
async def test_an_order_that_is_kept_gets_tips_an_offer_and_a_question(
    journey: JourneyTest,
) -> None:
    await delivered(journey)
    await journey.after(3 * DAY - 4 * HOUR)
    assert journey.sent == []
    await journey.after(2 * HOUR)  # ten o'clock in Rome
    assert journey.sent == ["tips"]
    await journey.after(7 * DAY)
    assert journey.sent == ["tips", "offer"]
    await journey.after(7 * DAY)
    assert journey.sent == ["tips", "offer", "review"]
    assert journey.outcome == "exhausted"
    assert (await journey.content("tips"))["subject"] == "Oak lamp: a few tips"
    assert (await journey.content("offer"))["codes"]
    assert "/review?order_id=o1" in (await journey.content("review"))["text"]


@scenario("after-purchase/refunded")
async def test_nothing_comes_after_the_order_was_refunded(journey: JourneyTest) -> None:
    await delivered(journey)
    await journey.after(4 * DAY)
    await journey.publish(OrderRefunded, order_id="o1")
    assert journey.outcome == "stopped"
    await journey.after(20 * DAY)
    assert journey.sent == ["tips"]


@scenario("after-purchase/cancelled")
async def test_nothing_comes_after_the_order_was_cancelled(journey: JourneyTest) -> None:
    await delivered(journey)
    await journey.publish(OrderCancelled, order_id="o1")
    assert journey.outcome == "stopped"


@scenario("after-purchase/complained")
async def test_a_complaint_about_anything_ends_it(journey: JourneyTest) -> None:
    await delivered(journey)
    await journey.after(4 * DAY)
    await journey.publish(ComplaintReceived, order_id="another")
    assert journey.outcome == "stopped"
    await journey.after(20 * DAY)
    assert journey.sent == ["tips"]


async def test_who_complained_lately_is_left_alone(journey: JourneyTest) -> None:
    await journey.publish(ComplaintReceived)
    await journey.after(29 * DAY)
    await journey.publish(OrderDelivered, order_id="o1", products=[LAMP])
    assert journey.of(AfterPurchase).outcomes == []
    await journey.after(1 * DAY)
    await journey.start(AfterPurchase, order_id="o2", products=[LAMP])


async def test_a_complaint_that_is_told_late_holds_the_messages_back(journey: JourneyTest) -> None:
    complained = await journey.now()
    await delivered(journey)
    await journey.publish(ComplaintReceived, occurred_at=complained)
    await journey.after(18 * DAY)
    assert journey.sent == []
    assert {reason for _, reason in journey.skipped} == {"no_longer"}


@scenario("after-purchase/one-product-returned")
async def test_a_product_that_was_returned_is_not_spoken_of(journey: JourneyTest) -> None:
    await delivered(journey, LAMP, RUG)
    await journey.publish(OrderRefunded, order_id="o1", products=[RUG])
    assert journey.outcome == "open"
    await journey.after(18 * DAY)
    assert journey.sent == ["tips", "offer", "review"]
    for step in journey.sent:
        assert "rug" not in (await journey.content(step))["html"].lower(), step


async def test_every_product_was_returned_by_name(journey: JourneyTest) -> None:
    await delivered(journey, LAMP, RUG)
    await journey.publish(OrderRefunded, order_id="o1", products=[RUG])
    await journey.publish(OrderRefunded, order_id="o1", products=[LAMP])
    await journey.after(18 * DAY)
    assert journey.sent == []
    assert {reason for _, reason in journey.skipped} == {"nothing_to_say"}
    details = {row.detail for row in await journey.messages()}
    assert details == {"all of the order was returned"}


async def test_an_order_that_was_refunded_before_it_came_gets_nothing(
    journey: JourneyTest,
) -> None:
    await journey.publish(OrderCompleted, order_id="o1", products=[LAMP])
    await journey.publish(OrderRefunded, order_id="o1")
    await journey.after(DAY)
    await journey.start(AfterPurchase, order_id="o1")
    await journey.after(18 * DAY)
    assert journey.sent == []


@scenario("after-purchase/no-guide")
async def test_without_a_guide_there_are_no_tips_and_the_ledger_says_why(
    journey: JourneyTest,
) -> None:
    await delivered(journey, CHAIR)
    await journey.after(18 * DAY)
    assert journey.sent == ["offer", "review"]
    assert journey.skipped == [("tips", "nothing_to_say")]
    (row,) = [row for row in await journey.messages() if row.step == "tips"]
    assert row.detail == "no guide for its products or their categories"


async def test_a_product_that_is_bought_again_has_no_tips_again(journey: JourneyTest) -> None:
    await journey.publish(OrderCompleted, order_id="o0", products=[LAMP])
    await journey.after(30 * DAY)
    await delivered(journey)
    await journey.after(4 * DAY)
    assert journey.sent == []
    (row,) = await journey.messages()
    assert row.detail == "the customer has bought these products before"
    await journey.publish(OrderCompleted, order_id="o2", products=[LAMP, RUG])
    await journey.start(AfterPurchase, order_id="o2")
    await journey.after(4 * DAY)
    assert (await journey.content("tips"))["subject"] == "Wool rug: a few tips"


@scenario("after-purchase/reviewed")
async def test_who_has_reviewed_is_not_asked(journey: JourneyTest) -> None:
    await delivered(journey)
    await journey.after(5 * DAY)
    await journey.publish(ProductReviewed, product_id="p1", rating=5)
    await journey.after(14 * DAY)
    assert journey.sent == ["tips", "offer"]
    assert journey.skipped == [("review", "nothing_to_say")]


async def test_a_review_of_something_else_changes_nothing(journey: JourneyTest) -> None:
    await delivered(journey)
    await journey.publish(ProductReviewed, product_id="p1", order_id="o7")
    await journey.publish(ProductReviewed, product_id="p9")
    await journey.after(18 * DAY)
    assert journey.sent == ["tips", "offer", "review"]


async def test_the_refund_of_an_order_on_its_way_leaves_the_delivered_one_alone(
    journey: JourneyTest,
) -> None:
    await delivered(journey)
    await journey.publish(OrderCompleted, order_id="o2", products=[RUG])
    await journey.publish(OrderRefunded, order_id="o2")
    assert journey.outcome == "open"
    await journey.publish(OrderRefunded, order_id="nobody-knows-it")
    assert journey.outcome == "stopped"


async def test_a_second_parcel_of_an_order_begins_nothing_again(journey: JourneyTest) -> None:
    await delivered(journey)
    await journey.after(5 * DAY)
    await journey.publish(OrderDelivered, order_id="o1")
    await journey.after(18 * DAY)
    await journey.publish(OrderDelivered, order_id="o1")
    await journey.after(18 * DAY)
    assert journey.sent == ["tips", "offer", "review"]
    assert journey.outcomes == ["exhausted"]


async def test_two_orders_at_once_are_thanked_for_once(journey: JourneyTest) -> None:
    await journey.publish(OrderCompleted, order_id="o2", products=[RUG])
    await delivered(journey)
    await journey.publish(OrderDelivered, order_id="o2")
    await journey.after(3 * DAY)
    assert journey.sent == ["tips"]
    await journey.after(27 * DAY)
    assert sorted(journey.sent) == ["offer", "review", "review", "tips", "tips"]
    assert journey.skipped == [("offer", "cap")]
    at: dict[str, list[date]] = {row.step: [] for row in await journey.messages()}
    for row in await journey.messages():
        if row.state == "sent":
            at[row.step].append((row.decided_at + HOUR).date())  # in Rome
    first, second = at["tips"]
    assert second - first == 2 * DAY
    first, second = at["review"]
    assert second - first == 7 * DAY


async def test_an_order_told_late_gets_what_is_still_of_use(journey: JourneyTest) -> None:
    await journey.publish(OrderCompleted, order_id="o1", products=[LAMP])
    late = await journey.now() + 4 * DAY
    await journey.after(12 * DAY)
    await journey.start(AfterPurchase, order_id="o1", occurred_at=late)
    assert journey.skipped == [("tips", "too_late")]
    await journey.after(14 * DAY)
    assert journey.sent == ["offer", "review"]
