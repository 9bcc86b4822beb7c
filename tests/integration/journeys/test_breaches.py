"""A test asks its customer's story for what invariants forbid."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sojourn import EMAIL
from sojourn.domain.events import AccountActivated, OrderCompleted
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.testkit import JourneyTest
from tests.support.faulty import Deaf, Shouting
from tests.support.project import WHOLE
from workflows.abandoned_cart import AbandonedCart
from workflows.order_confirmed import OrderConfirmed

DAY = timedelta(days=1)


@pytest.fixture
def journey_project(request: pytest.FixtureRequest) -> Project:
    """Return the shop with one journey changed, or with all as they are."""
    changed = getattr(request, "param", [AbandonedCart, OrderConfirmed])
    return replace(WHOLE, journeys=Journeys(changed), policy=None)


async def test_a_story_of_the_shop_breaks_nothing(journey: JourneyTest) -> None:
    journey.begin_at(datetime(2026, 3, 27, 12, tzinfo=UTC))
    await journey.start(AbandonedCart, cart_id="a/7")
    await journey.after(2 * DAY)
    await journey.identify(consents=[{"channel": "email", "topic": "cart", "granted": False}])
    await journey.after(20 * DAY)
    assert journey.sent == ["reminder", "nudge"]
    assert await journey.breaches() == []
    story = await journey.story()
    assert [(one.key, one.cause) for one in story.left if one.journey == "abandoned-cart"] == [
        ("a/7", story.events[0].id)
    ] * 2
    first, then = story.cards
    assert (len(first.refused), set(then.refused)) == (0, {(EMAIL, "cart")})
    assert (then.agreed, str(then.tz), then.country) == (first.agreed, "Europe/Rome", "IT")


async def test_of_two_events_under_one_id_each_arrives_at_its_own_moment(
    journey: JourneyTest,
) -> None:
    """The second is kept under a longer id; what left before it came is no breach."""
    await journey.publish(OrderCompleted, order_id="o1", cart_id="b", message_id="one")
    await journey.start(AbandonedCart, cart_id="a")
    await journey.after(2 * DAY)
    assert journey.sent == ["reminder"]
    came = await journey.now()
    late = came - 1.5 * DAY
    await journey.publish(
        OrderCompleted, order_id="o2", cart_id="a", message_id="one", occurred_at=late
    )
    assert journey.outcomes == ["converted"]
    assert await journey.breaches() == []
    assert (await journey.story()).events[-1].arrived == came


@pytest.mark.parametrize("journey_project", [[Deaf]], indirect=True)
async def test_a_breach_names_its_invariant_the_projects_or_the_journeys_own(
    journey: JourneyTest,
) -> None:
    await journey.start(Deaf)
    await journey.after(DAY / 2)
    await journey.publish(AccountActivated)
    await journey.after(DAY)
    assert journey.sent == ["welcome", "first-steps"]
    assert await journey.breaches() == [
        'never a message of onboarding after "Account Activated": onboarding/first-steps left on '
        'Tue 9 Jan 2024 10:00, after "Account Activated" of Tue 9 Jan 2024 01:00',
        'never a message of onboarding/first-steps within 24 hours after "Signed Up": '
        'onboarding/first-steps left on Tue 9 Jan 2024 10:00, after "Signed Up" of '
        "Mon 8 Jan 2024 13:00",
    ]


@pytest.mark.parametrize("journey_project", [[Shouting]], indirect=True)
async def test_a_message_whose_template_fails_is_a_breach(journey: JourneyTest) -> None:
    await journey.start(Shouting)
    (said,) = await journey.breaches()
    assert said.startswith("no message whose template fails: shouting/shout could not leave on")
