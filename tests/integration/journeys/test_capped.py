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


class TestNights:
    """Both reminders fall due in the night, and there is room for one a week."""

    @pytest.fixture
    def journey_project(self, tmp_path: Path) -> Project:
        file = tmp_path / "policy.toml"
        file.write_text('quiet_hours = "10:00-09:00"\nspread = "off"\n[caps]\nper_week = 1\n')
        return replace(PROJECT, policy=file)

    async def test_a_purchase_frees_the_slot_for_the_run_that_gave_way(
        self, journey: JourneyTest
    ) -> None:
        await journey.start(AbandonedCart, cart_id="first")
        await journey.after(hours(1))
        await journey.start(AbandonedCart, cart_id="second")
        await journey.after(hours(24))
        first, second = await journey.messages()
        assert (first.reason, second.reason) == ("quiet_hours", "gave_way")
        await journey.publish(OrderCompleted, cart_id="first")
        first, second = await journey.messages()
        assert (first.state, first.reason) == ("skipped", "goal_reached")
        assert (second.state, second.reason) == ("deferred", "quiet_hours"), "it has asked again"
