"""win-back for a customer who orders each day: what it costs, and that it goes on for years."""

from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.workflow import Info

from sojourn.events import OrderCompleted
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.testkit import JourneyTest
from tests.support.project import WHOLE
from workflows.win_back import WinBack

pytestmark = pytest.mark.temporal

DAY = timedelta(days=1)
AN_ORDER = 4
"""Events of an order: the signal, and a workflow task."""
A_TIMER = 5
"""Events of a wait that is set again: the timer fires, a workflow task, another timer."""


@pytest.fixture(scope="module")
def journey_project(journey_project: Project) -> Project:
    """Return the tests' project with win-back alone."""
    return replace(journey_project, journeys=Journeys([WHOLE.journeys["win-back"]]))


async def order_daily(journey: JourneyTest, days: int) -> None:
    for _ in range(days):
        await journey.after(DAY)
        await journey.publish(OrderCompleted)


@pytest.mark.parametrize(
    "days", [62, pytest.param(365, marks=[pytest.mark.long, pytest.mark.timeout(300)])]
)
async def test_an_order_costs_one_signal_and_sets_no_timer(journey: JourneyTest, days: int) -> None:
    await journey.start(WinBack)
    begun = len((await journey.history()).events)
    await order_daily(journey, days)
    events = len((await journey.history()).events) - begun
    assert events <= days * AN_ORDER + (days // 59 + 1) * A_TIMER
    assert journey.sent == []
    assert len(await journey.histories()) == 1
    await journey.after(60 * DAY)
    assert journey.sent == ["question"]


async def test_a_run_that_continues_as_new_goes_on_waiting_from_the_last_order(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Info,
        "is_continue_as_new_suggested",
        lambda info: info.get_current_history_length() >= 60,
    )
    await journey.start(WinBack)
    first = (await journey.history()).run_id
    await order_daily(journey, 40)
    assert (await journey.history()).run_id != first
    assert len((await journey.history()).events) <= 62
    await journey.after(60 * DAY - timedelta(hours=1))
    assert journey.sent == []
    await journey.after(timedelta(hours=1))
    assert journey.sent == ["question"]
    await journey.publish(OrderCompleted)
    await journey.after(59 * DAY)
    assert journey.sent == ["question"]
