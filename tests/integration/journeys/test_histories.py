"""Recorded histories replay against the code; changed ladders do not, and say what to do."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory

from sojourn.cli import histories
from sojourn.testkit import JourneyTest
from tests.support.changed_carts import OnlyDelaysChanged, StepInserted, StepRemoved, StepRenamed
from tests.support.project import PROJECT
from tests.support.scenarios import SCENARIOS

FOLDER = Path(__file__).parents[2] / "histories"


@pytest.mark.parametrize("name", SCENARIOS)
async def test_every_way_out_replays(
    journey: JourneyTest, name: str, pytestconfig: pytest.Config
) -> None:
    await SCENARIOS[name](journey)
    played = await journey.histories()
    if pytestconfig.getoption("--record-histories"):
        for number, history in enumerate(played, start=1):
            file = FOLDER / f"{name}{f'-{number}' if len(played) > 1 else ''}.json"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(histories.scrubbed(history))
    results = await histories.replay(_named(played))
    assert [result.broken for result in results] == [None] * len(played)


async def test_recorded_histories_replay() -> None:
    results = await histories.replay(histories.recorded(FOLDER))
    assert [result for result in results if result.broken] == []
    assert {result.journey for result in results} == set(PROJECT.journeys)


async def test_there_is_a_recording_of_every_way_out() -> None:
    kept = {str(f.relative_to(FOLDER).with_suffix("")) for f in FOLDER.rglob("*.json")}
    assert {n for n in SCENARIOS if n not in kept and f"{n}-1" not in kept} == set()


async def _named(played: list[WorkflowHistory]) -> AsyncIterator[tuple[str, WorkflowHistory]]:
    for history in played:
        yield history.workflow_id, history


async def _against(altered: type) -> str | None:
    async def ladder() -> AsyncIterator[tuple[str, WorkflowHistory]]:
        text = (FOLDER / "abandoned-cart" / "exhausted.json").read_text()
        yield "ladder", WorkflowHistory.from_json("ladder", text)

    (result,) = await histories.replay(ladder(), [altered])
    return result.broken


@pytest.mark.parametrize("altered", [StepInserted, StepRemoved, StepRenamed])
async def test_a_changed_ladder_fails_replay_and_teaches_patched(altered: type) -> None:
    broken = await _against(altered)
    assert broken is not None
    assert "self.patched" in broken


async def test_delays_may_change_freely() -> None:
    assert await _against(OnlyDelaysChanged) is None
