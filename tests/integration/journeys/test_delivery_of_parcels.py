"""An order that comes in several parcels: each has statuses and a run of its own."""

from dataclasses import replace
from datetime import timedelta
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
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.testkit import JourneyTest, scenario
from tests.support.project import PROJECT, WHOLE
from workflows.delivery import Delivery

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture(scope="module")
def journey_project() -> Project:
    return replace(WHOLE, journeys=Journeys({*PROJECT.journeys.values(), Delivery}), policy=None)


async def told(journey: JourneyTest, status: type[Event], parcel: str = "", **fields: Any) -> None:
    """Tell a status of a parcel, or of the order as a whole, and let its message leave."""
    await journey.publish(status, order_id="o1", tracking_number=parcel or None, **fields)
    await journey.after(2 * MINUTE)


async def said(journey: JourneyTest) -> list[tuple[str, str]]:
    """Return the messages that left: the step, and the rest of the run's id."""
    return [
        (row.step, row.workflow_id.removeprefix(f"delivery:{journey.customer_id}:"))
        for row in await journey.messages()
        if row.state == "sent"
    ]


@scenario("delivery/parcels")
async def test_each_parcel_has_statuses_of_its_own(journey: JourneyTest) -> None:
    await journey.start(Delivery, order_id="o1", tracking_number="T1", tracking_url="/t/1")
    await told(journey, OrderShipped, "T2", tracking_url="/t/2")
    await told(journey, OrderDelivered, "T1")
    await told(journey, OutForDelivery, "T2")
    assert "/t/2" in (await journey.content("out-for-delivery"))["text"]
    await told(journey, OutForDelivery, "T1")
    expected = [
        ("shipped", "o1//T1"),
        ("shipped", "o1//T2"),
        ("delivered", "o1//T1"),
        ("out-for-delivery", "o1//T2"),
    ]
    assert await said(journey) == expected
    await told(journey, OrderDelivered, " t2")  # another parcel, in another writing
    await told(journey, OrderDelivered, "T2 ")
    assert (await said(journey))[4:] == [("delivered", "o1//t2"), ("delivered", "o1//T2")]
    assert journey.outcomes == ["exhausted"] * 3


@pytest.mark.parametrize("end", [OrderCancelled, OrderRefunded])
async def test_the_end_of_the_order_is_that_of_all_its_parcels(
    journey: JourneyTest, end: type[Event]
) -> None:
    await told(journey, OrderShipped, "T1")
    await told(journey, OutForDelivery, "T2")
    await journey.publish(OrderShipped, order_id="o2", tracking_number="T3")
    await journey.publish(end, order_id="o1", tracking_number="T1")  # it is not about a parcel
    assert journey.outcomes == ["stopped", "stopped", "open"]
    await told(journey, OutForDelivery, "T1")
    await told(journey, OrderDelivered, "T2")
    assert await said(journey) == [
        ("shipped", "o1//T1"),
        ("out-for-delivery", "o1//T2"),
        ("shipped", "o2//T3"),
    ]


async def test_a_parcel_is_not_an_order_whose_id_has_a_slash(journey: JourneyTest) -> None:
    await journey.publish(OrderShipped, order_id="2026//T1")
    await journey.publish(OrderShipped, order_id="2026", tracking_number="T1")
    await journey.publish(OrderCancelled, order_id="2026//T1")
    assert journey.outcomes == ["stopped", "open"]


@scenario("delivery/parcels-and-the-whole")
async def test_a_status_of_the_whole_order_is_told_once_and_ends_what_its_parcels_say(
    journey: JourneyTest,
) -> None:
    await journey.start(Delivery, order_id="o1", tracking_number="T1")
    await told(journey, OrderShipped, "T2")
    await told(journey, OrderDelivered)
    await told(journey, OrderDelivered, "T1")
    await told(journey, OutForDelivery, "T2")
    assert await said(journey) == [
        ("shipped", "o1//T1"),
        ("shipped", "o1//T2"),
        ("delivered", "o1"),
    ]
    assert "(parcel" not in (await journey.content("delivered"))["text"]
    assert "(parcel T2)" in (await journey.content("shipped"))["text"]
    assert journey.outcomes == ["exhausted"] * 3


async def test_shop_and_carrier_tell_the_same_status_and_it_is_said_once(
    journey: JourneyTest,
) -> None:
    await told(journey, OrderShipped)  # the shop knows no number yet
    await told(journey, OrderShipped, "T1")
    await told(journey, OutForDelivery, "T1")
    await told(journey, OutForDelivery)
    await told(journey, DeliveryFailed, "T1")
    await told(journey, OrderDelivered, "T1", occurred_at=await journey.now() - 2 * MINUTE)
    await told(journey, OrderDelivered)
    steps = [step for step, _ in await said(journey)]
    assert steps == ["shipped", "out-for-delivery", "failed", "delivered"]
    reasons = {row.reason for row in await journey.messages() if row.state != "sent"}
    assert reasons == {"nothing_to_say"}


async def test_a_parcel_that_nobody_had_told_of_is_told_after_a_word_that_was_none(
    journey: JourneyTest,
) -> None:
    """The order is "delivered" when its only known parcel is, and another one follows."""
    await told(journey, OrderDelivered, "T1")
    await told(journey, OrderDelivered)
    await told(journey, OrderDelivered, "T2")
    assert await said(journey) == [("delivered", "o1//T1"), ("delivered", "o1//T2")]


async def test_a_parcel_that_leaves_after_the_shops_word_has_its_say(journey: JourneyTest) -> None:
    await told(journey, OrderShipped)
    await told(journey, OrderShipped, "T1")  # the parcel of which the shop has told
    await told(journey, OrderShipped, "T2")
    await told(journey, OutForDelivery)
    await told(journey, OutForDelivery, "T2")
    await told(journey, OrderDelivered)
    await told(journey, OrderShipped, "T3")
    assert await said(journey) == [
        ("shipped", "o1"),
        ("shipped", "o1//T2"),
        ("out-for-delivery", "o1"),
        ("delivered", "o1"),
    ]


async def test_a_failure_that_shop_and_carrier_tell_is_one_question_to_a_person(
    journey: JourneyTest,
) -> None:
    await told(journey, DeliveryFailed, "T1")
    await told(journey, DeliveryFailed)
    assert len(await journey.tasks()) == 1
