"""Steps that wait for a moment that is past, or is that at which the step before fell due."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.testkit import JourneyTest
from tests.support.past_moments import KeepsHours
from tests.support.project import PROJECT

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def journey_project() -> Project:
    return replace(PROJECT, journeys=Journeys([KeepsHours]), policy=None)


async def test_the_moment_of_the_step_before_is_not_past_though_the_run_is_a_little_late(
    journey: JourneyTest,
) -> None:
    began = await journey.now()  # a Monday, 13:00 in Rome
    await journey.start(KeepsHours, cart_id="c", occurred_at=began - MINUTE)
    await journey.after(DAY)
    assert journey.sent == ["reminder", "nudge"]


async def test_a_moment_that_is_past_stays_so_when_it_is_waited_for_again(
    journey: JourneyTest,
) -> None:
    await journey.start(KeepsHours, cart_id="c")
    await journey.after(DAY)
    assert journey.skipped == [("offer", "too_late")]
