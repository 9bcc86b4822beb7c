"""`sojourn fuzz` on the command line: it plays so many stories, and says what broke."""

import json
import logging
import re
import sys
from dataclasses import replace

import pytest

from sojourn.journeys.registry import Journeys
from sojourn.testkit.fuzzing import command
from tests.support.cli_stack import Cli
from tests.support.faulty import Stuttering
from tests.support.project import WHOLE


async def test_stories_that_break_nothing_end_with_their_number(offline: Cli) -> None:
    answer = await offline("fuzz", "abandoned-cart", "--stories", "2")
    assert (answer.code, answer.out) == (0, "2 stories of 1 journey: none broke an invariant.\n")
    assert not logging.root.manager.disable


async def test_a_breach_is_shown_as_a_timeline_and_as_a_test(
    offline: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = replace(WHOLE, journeys=Journeys([Stuttering]))
    monkeypatch.setattr(command, "load_project", lambda: project)
    answer = await offline("fuzz", "--stories", "3")
    assert answer.code == 1
    never = "never two messages of abandoned-cart/reminder within 60 days in one run"
    assert f"{never}: abandoned-cart/reminder on" in answer.out
    assert "-> abandoned-cart/reminder by email: sent" in answer.out
    assert f"async def test_{re.sub(r'[^a-z0-9]', '_', never)}(journey" in answer.out
    answer = await offline("fuzz", "--stories", "3", "--json")
    told = json.loads(answer.out)
    assert answer.code == 1
    assert told["seed"] == 1
    (breach,) = told["breaches"]
    assert (breach["journey"], breach["seed"]) == ("abandoned-cart", 1)
    assert [one["invariant"] for one in breach["broken"]] == [never]
    assert breach["timeline"]
    assert breach["test"].endswith("assert await journey.breaches() == []\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nowhere",), 'no journey "nowhere"'),
        (("--for", "soon"), '--for "soon": write a time such as 60s, 10m or 1h'),
        (("--for", "0s"), '--for "0s": write a time such as 60s, 10m or 1h'),
    ],
)
async def test_wrong_usage_is_one_line(offline: Cli, arguments: tuple[str, ...], says: str) -> None:
    answer = await offline("fuzz", *arguments)
    assert answer.code == 2
    assert says in answer.err


async def test_without_hypothesis_the_way_to_it_is_named(
    offline: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    answer = await offline("fuzz", "--stories", "1")
    assert answer.code == 1
    assert "fuzzing needs hypothesis, which is not installed: pip install 'sojourn[fuzz]'" in (
        answer.err
    )
