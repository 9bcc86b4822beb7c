"""A journey that the project has switched off."""

from dataclasses import replace

import pytest

from sojourn import Project, days, hours
from sojourn.domain.errors import BadInput
from sojourn.events import ProductAdded, SignedUp
from sojourn.journeys.registry import Journeys
from sojourn.testkit import JourneyTest
from tests.support.project import PROJECT
from workflows.abandoned_cart import AbandonedCart


@pytest.fixture
def journey_project() -> Project:
    return replace(PROJECT, journeys=Journeys(PROJECT.journeys.values(), off=["abandoned-cart"]))


async def test_a_journey_that_is_off_starts_no_run(journey: JourneyTest) -> None:
    published = await journey.publish(ProductAdded, cart_id="cart7")
    assert published.stored
    assert published.runs == ()
    assert (await journey.publish(SignedUp)).runs == (f"onboarding:{journey.customer_id}",)


async def test_the_kit_says_why_a_journey_that_is_off_does_not_start(journey: JourneyTest) -> None:
    with pytest.raises(BadInput, match="switched it off"):
        await journey.start(AbandonedCart, cart_id="cart7")
    await journey.after(days(2) + hours(1))
    assert journey.of(AbandonedCart).sent == []
