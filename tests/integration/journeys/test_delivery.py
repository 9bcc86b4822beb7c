from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sojourn.events import (
    DeliveryFailed,
    Event,
    OrderCancelled,
    OrderDelivered,
    OrderRefunded,
    OrderShipped,
    OutForDelivery,
)
from sojourn.testkit import JourneyTest, scenario
from workflows.delivery import Delivery

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NOON = datetime(2024, 1, 8, 12, tzinfo=UTC)
TRACKING = "https://carrier.example/p/9"


async def told(journey: JourneyTest, status: type[Event], **fields: Any) -> None:
    """Tell a status of the order, and let its message leave."""
    await journey.publish(status, order_id="o1", **fields)
    await journey.after(2 * MINUTE)


async def said(journey: JourneyTest) -> list[str]:
    return [row.step for row in await journey.messages() if row.state == "sent"]


async def asked(journey: JourneyTest) -> list[str]:
    return [str(task.because or task.state) for task in await journey.tasks()]


@scenario("delivery/delivered")
async def test_each_status_is_told_once(journey: JourneyTest) -> None:
    await journey.start(Delivery, order_id="o1", tracking_url=TRACKING)
    assert journey.sent == []
    await journey.after(2 * MINUTE)
    assert journey.sent == ["shipped"]
    assert TRACKING in (await journey.content("shipped"))["text"]
    await journey.after(DAY)
    at = await journey.now()
    await told(journey, OutForDelivery, arrives_from=at + HOUR, arrives_until=at + 3 * HOUR)
    await told(journey, OutForDelivery)
    text = (await journey.content("out-for-delivery"))["text"]
    assert "Expected today between 14:02 and 16:02." in text
    assert TRACKING in text
    await journey.after(2 * HOUR)
    await told(journey, OrderDelivered, left_at="with Mr. Rossi")
    assert journey.sent == ["shipped", "out-for-delivery", "delivered"]
    assert "with Mr. Rossi" in (await journey.content("delivered"))["text"]
    assert journey.outcome == "exhausted"
    assert {row.channel for row in await journey.messages()} == {"whatsapp"}


@pytest.mark.parametrize("late", [OrderShipped, OutForDelivery, DeliveryFailed, OrderDelivered])
async def test_nothing_is_told_after_the_delivery(journey: JourneyTest, late: type[Event]) -> None:
    await told(journey, OrderDelivered)
    assert await said(journey) == ["delivered"]
    await told(journey, late)
    await told(journey, late, occurred_at=NOON - DAY)
    assert await said(journey) == ["delivered"]


@scenario("delivery/hurried")
async def test_of_statuses_that_come_within_seconds_the_last_one_is_told(
    journey: JourneyTest,
) -> None:
    await journey.start(Delivery, order_id="o1")
    await journey.after(MINUTE / 2)
    await journey.publish(OutForDelivery, order_id="o1")
    await journey.after(MINUTE / 2)
    await told(journey, OrderDelivered)
    assert journey.sent == ["delivered"]


async def test_statuses_that_are_told_at_night_of_the_whole_day_are_one_message(
    journey: JourneyTest,
) -> None:
    await journey.publish(OrderShipped, order_id="o1", occurred_at=NOON - 9 * HOUR)
    await journey.publish(OutForDelivery, order_id="o1", occurred_at=NOON - 5 * HOUR)
    await told(journey, OrderDelivered, occurred_at=NOON - HOUR)
    assert await said(journey) == ["delivered"]


async def test_an_older_status_that_comes_late_changes_nothing(journey: JourneyTest) -> None:
    await told(journey, OutForDelivery)
    await told(journey, OrderShipped)
    await told(journey, OrderShipped, occurred_at=NOON - DAY)
    assert await said(journey) == ["out-for-delivery"]
    await told(journey, OrderDelivered)
    assert await said(journey) == ["out-for-delivery", "delivered"]


@pytest.mark.parametrize("status", [OutForDelivery, DeliveryFailed])
async def test_an_earlier_word_of_another_parcel_tells_nothing_twice(
    journey: JourneyTest, status: type[Event]
) -> None:
    await told(journey, OrderShipped, occurred_at=NOON - 9 * HOUR)
    await told(journey, status, occurred_at=NOON - HOUR)
    await told(journey, status, occurred_at=NOON - 2 * HOUR)
    assert len(await said(journey)) == 2


async def test_a_delivery_dated_before_the_status_that_began_is_the_last_word(
    journey: JourneyTest,
) -> None:
    await journey.publish(OutForDelivery, order_id="o1")
    await told(journey, OrderDelivered, occurred_at=NOON - 2 * MINUTE)
    assert await said(journey) == ["delivered"]


@scenario("delivery/failed")
async def test_a_failure_says_what_to_do_and_tells_a_person(journey: JourneyTest) -> None:
    await journey.start(Delivery, order_id="o1", tracking_url=TRACKING)
    await told(
        journey,
        DeliveryFailed,
        reason="Nobody at home",
        pickup_at="Kiosk, Via Roma 1",
    )
    assert journey.sent == ["failed"]
    assert "Kiosk, Via Roma 1" in (await journey.content("failed"))["text"]
    assert await asked(journey) == ["open"]
    await journey.answer("back")
    await journey.after(70 * DAY)
    assert journey.outcome == "exhausted"
    assert journey.sent == ["failed"]


@scenario("delivery/nobody-helps")
async def test_a_question_that_nobody_answers_is_over_after_two_days_of_the_office(
    journey: JourneyTest,
) -> None:
    await journey.start(Delivery, order_id="o1")
    await told(journey, DeliveryFailed)
    await journey.after(2 * DAY)
    assert await asked(journey) == ["expired"]
    await told(journey, OutForDelivery)
    assert journey.sent == ["failed", "out-for-delivery"]


async def test_a_cancelled_order_is_no_question_any_more(journey: JourneyTest) -> None:
    await told(journey, DeliveryFailed)
    await journey.publish(OrderCancelled, order_id="o1")
    assert await asked(journey) == ["run_stopped"]


@scenario("delivery/another-attempt")
async def test_another_attempt_is_told_and_has_nothing_of_the_first(journey: JourneyTest) -> None:
    at = NOON + HOUR
    await journey.start(Delivery, order_id="o1")
    await told(journey, OutForDelivery, arrives_from=at, arrives_until=at + 2 * HOUR)
    await told(journey, DeliveryFailed, next_attempt_at=NOON + DAY)
    await told(journey, OutForDelivery)  # the first van, told once more
    await told(journey, DeliveryFailed)
    assert journey.sent == ["out-for-delivery", "failed"]
    await journey.after(DAY)
    await told(journey, OutForDelivery)
    assert journey.sent == ["out-for-delivery", "failed", "out-for-delivery"]
    assert "Expected" not in (await journey.content("out-for-delivery"))["text"]
    await told(journey, DeliveryFailed)
    await told(journey, OrderDelivered)
    assert journey.sent[3:] == ["failed", "delivered"]
    assert await asked(journey) == ["begun_again", "begun_again"]


async def test_an_hour_that_is_past_is_not_told(journey: JourneyTest) -> None:
    await told(journey, OutForDelivery, arrives_until=NOON - MINUTE, occurred_at=NOON - HOUR)
    assert [(row.step, row.reason) for row in await journey.messages()] == [
        ("out-for-delivery", "too_late")
    ]


async def test_an_old_failure_is_no_work_for_a_person(journey: JourneyTest) -> None:
    await told(journey, DeliveryFailed, occurred_at=NOON - 2 * DAY)
    assert await said(journey) == []
    assert await asked(journey) == []


@scenario("delivery/refunded")
async def test_a_refund_ends_it(journey: JourneyTest) -> None:
    await journey.start(Delivery, order_id="o1")
    await journey.publish(OrderRefunded, order_id="o1")
    assert journey.outcome == "stopped"
    await told(journey, OutForDelivery)
    assert await said(journey) == []


@scenario("delivery/cancelled")
async def test_a_cancellation_ends_it(journey: JourneyTest) -> None:
    await journey.start(Delivery, order_id="o1")
    await journey.after(2 * MINUTE)
    await journey.publish(OrderCancelled, order_id="o1")
    assert journey.outcome == "stopped"
    await told(journey, OrderDelivered)
    assert await said(journey) == ["shipped"]


async def test_an_order_that_was_cancelled_before_has_no_news(journey: JourneyTest) -> None:
    await journey.publish(OrderCancelled, order_id="o1")
    await journey.after(DAY)
    await told(journey, OrderShipped)
    assert [row.reason for row in await journey.messages()] == ["nothing_to_say"]


async def test_a_refund_of_one_product_changes_nothing(journey: JourneyTest) -> None:
    await journey.publish(OrderRefunded, order_id="o1", products=[{"product_id": "p1"}])
    await told(journey, OrderShipped)
    assert await said(journey) == ["shipped"]


async def test_hours_are_those_of_the_place(journey: JourneyTest) -> None:
    await journey.identify(phone="", locale="pl-PL")
    await told(
        journey,
        OutForDelivery,
        arrives_from=NOON + 2 * HOUR,
        arrives_until=NOON + 4 * HOUR,
        timezone="Europe/London",
    )
    mail = await journey.content("out-for-delivery")
    assert "dziś w godzinach 14:00-16:00 (czas lokalny: Londyn)" in mail["text"]
    assert {row.channel for row in await journey.messages()} == {"email"}


async def test_a_status_that_waits_for_an_address_does_not_outlive_a_later_one(
    journey: JourneyTest,
) -> None:
    await journey.identify(phone="", email="")
    await told(journey, OrderShipped)
    await told(journey, OrderDelivered)
    await journey.identify(email="ada@shop.example")
    await journey.after(2 * HOUR)
    assert await said(journey) == ["delivered"]


async def test_without_a_phone_that_works_it_is_an_e_mail(journey: JourneyTest) -> None:
    await journey.identify(phone="", marketingConsent={"email": False})
    await told(journey, OrderShipped)
    assert [row.channel for row in await journey.messages()] == ["email"]
