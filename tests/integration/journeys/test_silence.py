"""While a person talks to a customer, journeys have nothing promotional to say."""

from dataclasses import replace
from typing import Any

import pytest

from sojourn import days, hours
from sojourn.events import ProductAdded
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.testkit import JourneyTest
from tests.support.project import WHOLE
from workflows.abandoned_cart import AbandonedCart
from workflows.two_way import TwoWay

WROTE: dict[str, Any] = {"text": "It came broken", "channel": "sms"}


@pytest.fixture
def journey_project() -> Project:
    return replace(WHOLE, journeys=Journeys([AbandonedCart, TwoWay]), policy=None)


async def test_nothing_promotional_leaves_while_somebody_talks(journey: JourneyTest) -> None:
    await journey.publish(ProductAdded, cart_id="c", product_id="lamp", name="Lamp")
    await journey.after(hours(23))
    await journey.start(TwoWay, **WROTE)
    await journey.after(hours(2))  # the reminder falls due after 24 hours
    assert journey.of(AbandonedCart).skipped == [("reminder", "in_care")]
    await journey.answer("answered")
    await journey.after(days(2))
    assert journey.of(AbandonedCart).sent == ["nudge"]


async def test_silence_ends_with_a_task_that_nobody_answers(journey: JourneyTest) -> None:
    await journey.start(TwoWay, **WROTE)
    await journey.after(days(3))
    assert [task.state for task in await journey.tasks()] == ["expired"]
    await journey.publish(ProductAdded, cart_id="c", product_id="lamp", name="Lamp")
    await journey.after(days(1))
    assert journey.of(AbandonedCart).sent == ["reminder"]
