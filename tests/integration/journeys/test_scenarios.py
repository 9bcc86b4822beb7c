"""Scenarios keep the histories of a journey, and fail when the code cannot replay them."""

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sojourn.domain.events import OrderCompleted
from sojourn.testkit import JourneyTest, scenario
from sojourn.testkit.scenarios import FOLDER, RECORD, Test, recorded
from tests.support.markdown import ROOT
from workflows.abandoned_cart import AbandonedCart

pytestmark = pytest.mark.temporal

NAME = "abandoned-cart/ordered-at-once"


@scenario(NAME)
async def ordered_at_once(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.publish(OrderCompleted, cart_id="cart7")


@dataclass
class Project:
    """A stand-in for pytest's request and configuration in another project."""

    rootpath: Path
    records: bool = False

    @property
    def config(self) -> "Project":
        return self

    def getoption(self, name: str, default: object) -> object:
        return self.records if name == RECORD else default

    async def play(self, test: Test, journey: JourneyTest) -> None:
        await test(journey=journey, request=self)


async def test_a_scenario_without_a_kept_history_fails(
    journey: JourneyTest, tmp_path: Path
) -> None:
    with pytest.raises(pytest.fail.Exception) as failed:
        await Project(tmp_path).play(ordered_at_once, journey)
    assert str(failed.value) == (
        f'no history of "{NAME}" is kept: run pytest --record-histories -k {NAME}, '
        "and commit tests/histories"
    )


async def test_a_recorded_scenario_passes_from_then_on(
    journey: JourneyTest, tmp_path: Path
) -> None:
    await Project(tmp_path, records=True).play(ordered_at_once, journey)
    (file,) = recorded(tmp_path / FOLDER, NAME)
    assert file == tmp_path / "tests/histories/abandoned-cart/ordered-at-once.json"
    assert '"identity": "recorded"' in file.read_text()
    before = file.read_text()
    await journey.stop_all()
    again = JourneyTest(
        journey._engine,
        journey.store,
        journey.settings,
        journey._task_queue,
        "c-again",
        project=journey.project,
    )
    await Project(tmp_path).play(ordered_at_once, again)
    await again.stop_all()
    assert file.read_text() == before


async def test_recording_leaves_a_kept_history_as_it_is(
    journey: JourneyTest, tmp_path: Path
) -> None:
    file = tmp_path / FOLDER / f"{NAME}.json"
    file.parent.mkdir(parents=True)
    kept = (ROOT / FOLDER / "abandoned-cart/exhausted.json").read_text()
    file.write_text(kept)
    await Project(tmp_path, records=True).play(ordered_at_once, journey)
    assert file.read_text() == kept


async def test_a_kept_history_that_does_not_replay_fails_the_scenario(
    journey: JourneyTest, tmp_path: Path
) -> None:
    file = tmp_path / FOLDER / f"{NAME}.json"
    file.parent.mkdir(parents=True)
    kept = (ROOT / FOLDER / "abandoned-cart/exhausted.json").read_text()
    file.write_text(kept.replace('"1-reminder"', '"1-teaser"'))
    with pytest.raises(pytest.fail.Exception, match=r"self\.patched") as failed:
        await Project(tmp_path).play(ordered_at_once, journey)
    assert str(failed.value).startswith(f"tests/histories/{NAME}.json does not replay: ")


async def test_a_scenario_that_fails_keeps_no_history(journey: JourneyTest, tmp_path: Path) -> None:
    @scenario(NAME)
    async def wrong(journey: JourneyTest) -> None:
        await journey.start(AbandonedCart, cart_id="cart7")
        assert journey.sent == ["reminder"]

    with pytest.raises(AssertionError):
        await Project(tmp_path, records=True).play(wrong, journey)
    assert recorded(tmp_path / FOLDER, NAME) == []


async def test_a_scenario_keeps_the_fixtures_that_its_test_asks_for() -> None:
    @scenario(NAME)
    async def asks(journey: JourneyTest, tmp_path: Path, request: pytest.FixtureRequest) -> None:
        pass

    assert list(inspect.signature(asks).parameters) == ["journey", "tmp_path", "request"]
    assert hasattr(asks, NAME), "pytest -k finds a test by its attributes"


def test_a_scenario_needs_the_journey_fixture() -> None:
    async def lacks(store: Any) -> None:
        pass

    with pytest.raises(TypeError, match="lacks is a scenario and needs the journey fixture"):
        scenario(NAME)(lacks)


@pytest.mark.parametrize("name", ["ordered", "Abandoned/Cart", "a/b/c", "a/../b"])
def test_a_scenario_names_its_journey_and_its_way_out(name: str) -> None:
    with pytest.raises(ValueError, match='write "journey/way-out"'):
        scenario(name)


def test_the_executions_of_a_run_are_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "renewal").mkdir()
    for number in (10, 2, 1):
        (tmp_path / "renewal" / f"year-{number}.json").touch()
    (tmp_path / "renewal" / "year-x-1.json").touch()
    names = [file.stem for file in recorded(tmp_path, "renewal/year")]
    assert names == ["year-1", "year-2", "year-10"]
