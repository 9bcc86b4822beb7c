"""Runs wait for days by their names, and replay although a newer package knows other holidays."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from temporalio.client import WorkflowHistory

from sojourn.cli import histories
from sojourn.domain import calendar_days, rules
from sojourn.domain.public_holidays import holiday
from sojourn.domain.rules import SPREAD
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.testkit import JourneyTest
from tests.support.calendar_waits import NamedDays
from tests.support.project import PROJECT

pytestmark = pytest.mark.temporal

BEGAN = datetime(2026, 12, 23, 11, tzinfo=UTC)  # a Wednesday, noon in Rome
MONDAY = date(2026, 12, 28)


@pytest.fixture
def journey_project() -> Project:
    return replace(PROJECT, journeys=Journeys([NamedDays]), policy=None)


@pytest.fixture
async def begun(journey: JourneyTest) -> JourneyTest:
    journey.begin_at(BEGAN)
    await journey.identify(timezone="Europe/Rome")
    await journey.start(NamedDays, cart_id="c")
    return journey


def at(day: int, hour: int, month: int = 12, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour - 1, tzinfo=UTC)  # of a winter's clock in Rome


async def test_messages_fall_due_on_the_days_that_are_named(begun: JourneyTest) -> None:
    await begun.until(at(5, 9, 1, 2027))
    first, second = await begun.messages()
    assert (first.step, first.state, first.due_at) == ("reminder", "sent", at(28, 10))
    assert timedelta(0) <= first.decided_at - at(28, 11) < SPREAD + timedelta(minutes=1)
    assert (second.step, second.state, second.due_at) == ("nudge", "sent", at(31, 9))
    await begun.until(at(1, 9, 2, 2027))
    third = (await begun.messages())[-1]
    assert (third.step, third.due_at) == ("offer", at(23, 10, 1, 2027))


async def test_a_customer_who_moves_waits_by_the_other_clock(begun: JourneyTest) -> None:
    await begun.identify(timezone="Asia/Tokyo")
    await begun.until(at(28, 9))
    (first,) = await begun.messages()
    assert first.due_at == datetime(2026, 12, 28, 1, tzinfo=UTC)


@pytest.mark.parametrize("moved", [1, -1], ids=["one more holiday", "one holiday less"])
async def test_a_newer_package_of_holidays_breaks_no_replay(
    begun: JourneyTest, monkeypatch: pytest.MonkeyPatch, moved: int
) -> None:
    await begun.until(at(1, 9, 2, 2027))
    played = await begun.histories()

    def other(day: date, country: str, region: str = "") -> str:
        if moved > 0:
            return "Long Weekend" if day == MONDAY else holiday(day, country, region)
        return ""

    monkeypatch.setattr(calendar_days, "holiday", other)
    monkeypatch.setattr(rules, "holiday", other)

    async def kept() -> AsyncIterator[tuple[str, WorkflowHistory]]:
        for history in played:
            yield history.workflow_id, history

    results = await histories.replay(kept(), [NamedDays])
    assert [result.broken for result in results] == [None]
