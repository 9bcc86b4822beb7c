"""A run follows its history in memory as Temporal replays it: the same runs break."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter

from sojourn.cli import histories
from sojourn.domain.messages import Channel, Delivery, Heard, Outcome, Receipt, Status
from sojourn.events import ProductAdded
from sojourn.in_memory.following import FollowedRun
from sojourn.insight.leading.histories import read
from sojourn.journeys.journey import Journey
from sojourn.journeys.stepping import Runs
from tests.support.changed_carts import (
    OnlyDelaysChanged,
    QuestionInserted,
    StepInserted,
    StepRemoved,
    StepRenamed,
)
from tests.support.plans import CARTS
from tests.support.project import WHOLE

FOLDER = Path(__file__).parents[2] / "histories"
BETWEEN = (
    EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
    EventType.EVENT_TYPE_TIMER_FIRED,
)


def every(folder: str = "") -> list[tuple[str, WorkflowHistory]]:
    return [
        (str(file.relative_to(FOLDER)), WorkflowHistory.from_json(file.stem, file.read_text()))
        for file in histories.files_in(FOLDER / folder)
    ]


def cut(history: WorkflowHistory) -> Iterator[WorkflowHistory]:
    """Yield the history as it was while the run was open, after each of its tasks."""
    answered = False
    for place, event in enumerate(history.events):
        if answered and event.event_type in BETWEEN:
            yield WorkflowHistory(history.workflow_id, list(history.events[:place]))
            answered = False
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            answered = True


class Counter:
    """A desk that is asked for nothing but what a run comes to after its history."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.due: list[datetime] = []

    async def send(self, delivery: Delivery) -> tuple[Receipt, datetime]:
        self.asked.append(delivery.step)
        self.due.append(delivery.due)
        return Receipt(status=Status.SENT, channel=Channel.EMAIL), delivery.now


async def rested(
    name: str, until: EventType.ValueType, nth: int = 1, journey: Any = None
) -> tuple[Any, Counter]:
    """Follow a history up to an event that no task has answered yet; have the run go on."""
    file = FOLDER / f"{name}.json"
    events = WorkflowHistory.from_json(name, file.read_text()).events
    last = [place for place, event in enumerate(events) if event.event_type == until][nth - 1]
    course = await read(name, events[: last + 1], pydantic_data_converter)
    assert course is not None
    desk = Counter()
    runs = Runs(desk, course.by_its_clock().rest.at)  # type: ignore[arg-type]
    run = FollowedRun(runs, journey or WHOLE.journeys[course.journey], course)
    assert run.broken == ""
    await runs.rest()
    return run, desk


async def test_news_that_no_task_has_answered_counts_before_the_run_goes_on() -> None:
    run, desk = await rested(
        "abandoned-cart/bought-before-the-reminder",
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
        nth=2,
    )
    assert run.result.outcome is Outcome.CONVERTED
    assert desk.asked == []


async def test_an_answer_that_no_task_has_taken_is_not_asked_for_again() -> None:
    run, desk = await rested(
        "abandoned-cart/exhausted", EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED
    )
    assert desk.asked == []
    assert run.waiting.doing == "wait 2 days for Order Completed"


async def test_a_message_on_its_way_is_asked_for_as_the_history_has_it() -> None:
    scheduled = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    _, before = await rested("abandoned-cart/exhausted", scheduled)
    _, after = await rested("abandoned-cart/exhausted", scheduled, journey=CARTS["1h/2d/4d"])
    assert before.asked == after.asked == ["reminder"]
    assert before.due == after.due  # not by the plan of another hour


async def test_a_timer_that_no_task_has_taken_is_over() -> None:
    _, desk = await rested("abandoned-cart/exhausted", EventType.EVENT_TYPE_TIMER_FIRED)
    assert desk.asked == ["reminder"]


async def test_a_signal_that_the_steps_could_not_read_is_ignored_as_the_run_ignored_it() -> None:
    name = "abandoned-cart/exhausted"
    part = next(cut(dict(every())[f"{name}.json"]))
    course = await read(name, part.events, pydantic_data_converter)
    assert course is not None
    later = course.rest.at + timedelta(hours=1)
    strange = Heard(id="strange", name="Product Added", at=later, seq=2, fields={})
    course = replace(course, rest=replace(course.rest, told=(strange,)))
    runs = Runs(Counter(), course.rest.at)  # type: ignore[arg-type]
    run = FollowedRun(runs, WHOLE.journeys["abandoned-cart"], course)
    assert run.steps._state.last(ProductAdded) == course.enrolment.start.at


async def followed(history: WorkflowHistory, journeys: Mapping[str, type[Journey]]) -> str:
    course = await read(history.workflow_id, history.events, pydantic_data_converter)
    assert course is not None
    run = FollowedRun(
        Runs(None, course.rest.at),  # type: ignore[arg-type]
        journeys[course.journey],
        course,
    )
    return run.broken


async def replayed(
    cuts: list[tuple[str, WorkflowHistory]], journeys: list[Any]
) -> dict[str, str | None]:
    async def given() -> AsyncIterator[tuple[str, WorkflowHistory]]:
        for one in cuts:
            yield one

    return {one.name: one.broken for one in await histories.replay(given(), journeys)}


def cuts_of(folder: str = "") -> list[tuple[str, WorkflowHistory]]:
    return [
        (f"{name}#{number}", part)
        for name, history in every(folder)
        if history.events[0].workflow_execution_started_event_attributes.workflow_type.name
        in WHOLE.journeys
        for number, part in enumerate(cut(history))
    ]


async def test_every_recorded_history_is_followed_from_any_of_its_tasks() -> None:
    journeys = dict(WHOLE.journeys.items())
    cuts = cuts_of()
    assert len(cuts) > 300
    broken = {name: why for name, part in cuts if (why := await followed(part, journeys))}
    assert broken == {}


ALTERED = {
    one.__name__: one
    for one in (StepInserted, StepRemoved, StepRenamed, QuestionInserted, OnlyDelaysChanged)
}


@pytest.mark.parametrize("altered", ALTERED.values(), ids=ALTERED)
async def test_the_runs_that_break_are_those_that_the_replay_breaks(altered: Any) -> None:
    cuts = cuts_of("abandoned-cart")
    theirs = await replayed(cuts, [altered])
    ours = {name: await followed(part, {altered.name: altered}) for name, part in cuts}
    differ = {
        name: (theirs[name], ours[name])
        for name, _ in cuts
        if bool(theirs[name]) != bool(ours[name])
    }
    assert differ == {}
