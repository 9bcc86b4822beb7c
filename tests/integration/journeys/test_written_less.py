"""After the goodbye of win-back: less comes, until the customer orders again or chooses."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sojourn.domain.preferences import Kind
from sojourn.events import OrderCompleted, ProductAdded
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.store import cards, choices, people
from sojourn.testkit import JourneyTest
from tests.support.project import WHOLE
from workflows.abandoned_cart import AbandonedCart
from workflows.win_back import WinBack

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def journey_project(journey_project: Project) -> Project:
    """Return the tests' project with win-back."""
    journeys = Journeys({*journey_project.journeys.values(), WHOLE.journeys["win-back"]})
    return replace(journey_project, journeys=journeys)


async def distances(journey: JourneyTest) -> dict[str, int]:
    async with journey.store.reading() as session:
        card = await cards.find(session, journey.customer_id)
    assert card is not None
    return dict(card.least_days)


async def left_alone(journey: JourneyTest) -> None:
    await journey.start(WinBack)
    await journey.after(82 * DAY)
    assert journey.sent == ["question", "offer", "goodbye"]


async def fills_a_cart(journey: JourneyTest, cart: str) -> list[str]:
    await journey.publish(ProductAdded, cart_id=cart)
    await journey.after(8 * DAY)
    return journey.of(AbandonedCart).sent


async def test_after_the_goodbye_a_cart_gets_one_message_and_after_an_order_all(
    journey: JourneyTest,
) -> None:
    await left_alone(journey)
    monthly = {"cart", "newsletter", "after-purchase"}
    assert monthly <= (await distances(journey)).keys()
    assert set((await distances(journey)).values()) == {30}
    assert await fills_a_cart(journey, "one") == ["reminder"]
    assert {reason for _, reason in journey.of(AbandonedCart).skipped} == {"cap"}
    await journey.publish(OrderCompleted)
    assert await distances(journey) == {}
    await journey.after(DAY)
    assert await fills_a_cart(journey, "two") == ["reminder", "reminder", "nudge", "offer"]


async def test_what_the_customer_chose_stays(journey: JourneyTest) -> None:
    await journey.identify()
    await choose(journey, "cart", 7)
    await left_alone(journey)
    assert (await distances(journey))["cart"] == 30
    await choose(journey, "newsletter", 7)
    await journey.publish(OrderCompleted)
    assert await distances(journey) == {"cart": 7, "newsletter": 7}


async def test_the_change_names_the_run_that_made_it(journey: JourneyTest) -> None:
    await left_alone(journey)
    async with journey.store.reading() as session:
        rows = await choices.of_customer(session, journey.customer_id)
    assert {row.source for row in rows} == {f"run win-back:{journey.customer_id}"}
    assert {(row.was, row.became) for row in rows} == {("0", "30")}


async def choose(journey: JourneyTest, topic: str, days: int) -> None:
    """Choose as the preference page does."""
    async with journey.store.transaction() as session:
        person = await people.lock(session, journey.customer_id)
        was = (person.least_days or {}).get(topic, 0)
        choices.keep_apart(person, topic, days)
        session.add(person)
        await choices.note(
            session,
            person,
            Kind.OFTEN,
            was=str(was),
            became=str(days),
            at=await journey.now(),
            source="preference page",
            topic=topic,
        )
