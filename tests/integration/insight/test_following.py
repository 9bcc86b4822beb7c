"""A run follows its history in memory as Temporal replays it: the same runs break."""

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter

from sojourn.cli import histories
from sojourn.in_memory.following import FollowedRun
from sojourn.insight.leading.histories import read
from sojourn.journeys.journey import Journey
from sojourn.journeys.stepping import Runs
from tests.support.changed_carts import OnlyDelaysChanged, StepInserted, StepRemoved, StepRenamed
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
    **{one.__name__: one for one in (StepInserted, StepRemoved, StepRenamed, OnlyDelaysChanged)},
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
