"""Runs that a cap holds: they sleep, a purchase ends the hold, and the slot's day lets them go."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sojourn import hours
from sojourn.events import OrderCompleted
from sojourn.project import Project
from sojourn.testkit import JourneyTest
from tests.support.project import PROJECT
from workflows.abandoned_cart import AbandonedCart


@pytest.fixture
def journey_project(tmp_path: Path) -> Project:
    file = tmp_path / "policy.toml"
    file.write_text('spread = "off"\n[caps]\nper_day = 1\n')
    return replace(PROJECT, policy=file)


@pytest.fixture
async def capped(journey: JourneyTest) -> JourneyTest:
    """Two carts, whose reminders fall due on one day: the second one is held."""
    await journey.start(AbandonedCart, cart_id="first")
    await journey.after(hours(1))
    await journey.start(AbandonedCart, cart_id="second")
    await journey.after(hours(24))
    first, second = await journey.messages()
    assert (first.state, second.state, second.reason) == ("sent", "deferred", "cap")
    assert second.held_until == datetime(2024, 1, 9, 23, tzinfo=UTC)  # midnight in Rome
    return journey


async def test_a_run_sleeps_until_there_is_room(capped: JourneyTest) -> None:
    await capped.after(hours(11))
    assert [row.state for row in await capped.messages()] == ["sent", "sent"]


async def test_a_purchase_during_the_hold_stops_the_message(capped: JourneyTest) -> None:
    await capped.publish(OrderCompleted, cart_id="second")
    await capped.after(hours(11))
    first, second = await capped.messages()
    assert (first.state, second.state, second.reason) == ("sent", "skipped", "goal_reached")
