"""Scenarios: tests whose workflow histories are kept and replayed against later code.

A run may last for weeks, and new code may be deployed in the meantime. The run's history must then
replay on the new code, or the run stands still. A scenario keeps the history of one way out of a
journey::

    @scenario("checkout-help/ordered")
    async def test_an_order_ends_the_offer_of_help(journey: JourneyTest) -> None:
        await journey.start(CheckoutHelp, cart_id="cart7")
        await journey.publish(OrderCompleted, cart_id="cart7")
        assert journey.sent == []

``pytest --record-histories`` writes ``tests/histories/checkout-help/ordered.json``. From then on
the test fails if the code cannot replay that file, and ``sojourn check`` says the same before a
deploy.
"""

import functools
import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory

from sojourn.cli import histories
from sojourn.testkit.kit import JourneyTest

RECORD = "--record-histories"
FOLDER = Path("tests") / "histories"
"""The folder of recorded histories, below pytest's root directory."""

_NAME = re.compile(r"[a-z0-9-]+/[a-z0-9-]+")

Test = Callable[..., Awaitable[None]]


def scenario(name: str) -> Callable[[Test], Test]:
    """Keep the histories of a test of the ``journey`` fixture.

    With ``--record-histories``, a passing test writes the histories that are not kept yet. An
    existing file is never overwritten, since it stands for open runs. Delete it to record again.

    Args:
        name: ``{journey}/{way out}``, in kebab-case. It names the file in ``tests/histories``, with
            a number for each execution if there are several, and ``pytest -k`` selects the test by
            it.

    Returns:
        A decorator of the test function.

    Raises:
        ValueError: the name has another form.
        TypeError: the test does not ask for the ``journey`` fixture.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f'"{name}" is not the name of a scenario: write "journey/way-out"')

    def decorate(test: Test) -> Test:
        asked = inspect.signature(test)
        if "journey" not in asked.parameters:
            raise TypeError(f"{test.__name__} is a scenario and needs the journey fixture")

        @functools.wraps(test)
        async def played(*args: Any, request: pytest.FixtureRequest, **fixtures: Any) -> None:
            if "request" in asked.parameters:
                fixtures["request"] = request
            await test(*args, **fixtures)
            await _keep_or_compare(name, fixtures["journey"], request.config)

        fixtures = [each for each in asked.parameters.values() if each.name != "request"]
        request = inspect.Parameter("request", inspect.Parameter.KEYWORD_ONLY)
        # pytest reads the needed fixtures from the signature, and the words that select the test
        # from the attributes
        vars(played)["__signature__"] = asked.replace(parameters=[*fixtures, request])
        vars(played)[name] = True
        return played

    return decorate


async def _keep_or_compare(name: str, journey: JourneyTest, config: pytest.Config) -> None:
    played = await journey.histories() if journey.has_histories else []
    folder = config.rootpath / FOLDER
    if not recorded(folder, name):
        if not config.getoption(RECORD, default=False):
            pytest.fail(
                f'no history of "{name}" is kept: run pytest {RECORD} -k {name}, '
                f"and commit {FOLDER}",
                pytrace=False,
            )
        write(folder, name, played)
    journeys = list(journey.project.journeys.values())
    for result in await histories.replay(_named(folder, name, played), journeys):
        if result.broken:
            pytest.fail(f"{result.name} does not replay: {result.broken}", pytrace=False)


def recorded(folder: Path, name: str) -> list[Path]:
    """Return the files with the histories of a scenario, in the order of its executions."""
    single = folder / f"{name}.json"
    if single.exists():
        return [single]
    numbered = re.compile(re.escape(single.stem) + r"-(\d+)")
    found = {
        int(match[1]): file
        for file in single.parent.glob("*.json")
        if (match := numbered.fullmatch(file.stem))
    }
    return [found[number] for number in sorted(found)]


def write(folder: Path, name: str, played: list[WorkflowHistory]) -> None:
    """Write the histories of a scenario, without the names of machines and processes.

    Args:
        folder: the folder of all histories.
        name: the name of the scenario.
        played: the histories of its executions, oldest first.
    """
    for number, history in enumerate(played, start=1):
        file = folder / f"{name}{f'-{number}' if len(played) > 1 else ''}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(histories.scrubbed(history))


async def _named(
    folder: Path, name: str, played: list[WorkflowHistory]
) -> AsyncIterator[tuple[str, WorkflowHistory]]:
    """Yield the kept histories and the new ones, each with its name."""
    for file in recorded(folder, name):
        kept = str(file.relative_to(folder.parent.parent))
        yield kept, WorkflowHistory.from_json(kept, file.read_text())
    for history in played:
        yield f"the run that was played ({history.workflow_id})", history
