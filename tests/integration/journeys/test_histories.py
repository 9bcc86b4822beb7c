"""Recorded histories replay against the code; a changed ladder fails, and says the remedy."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory

from sojourn.cli import histories
from sojourn.insight.workflows import NAMES, WORKFLOWS
from tests.support.changed_carts import OnlyDelaysChanged, StepInserted, StepRemoved, StepRenamed
from tests.support.project import WHOLE

FOLDER = Path(__file__).parents[2] / "histories"


async def test_recorded_histories_replay_without_errors() -> None:
    recorded = histories.recorded(FOLDER)
    results = await histories.replay(recorded, [*WHOLE.journeys.values(), *WORKFLOWS])
    assert [result for result in results if result.broken] == []
    assert {result.journey for result in results} <= {*WHOLE.journeys, *NAMES}


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
