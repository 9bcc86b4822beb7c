"""`sojourn fuzz` finds faults that are planted in journeys of the shop, and says them as tests.

``SOJOURN_FUZZ=2000 pytest tests/long/test_fuzz.py`` plays so many stories of each shipped journey.
"""

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from sojourn.domain.invariants import Breach
from sojourn.journeys.journey import Journey
from sojourn.journeys.registry import Journeys
from sojourn.testkit.fuzzing.memory import Memory
from sojourn.testkit.fuzzing.script import Script
from sojourn.testkit.fuzzing.searching import Found, Search
from sojourn.testkit.fuzzing.stage import Played, stage
from sojourn.testkit.fuzzing.writing import as_test, timeline
from tests.support.faulty import FAULTS, Scattered
from tests.support.markdown import ROOT
from tests.support.project import WHOLE

STORIES = 200
"""In which a planted fault is found: about a minute's."""
SOUND = int(os.environ.get("SOJOURN_FUZZ", "0")) or 20


@contextmanager
def searching(
    journey: type[Journey], folder: Path, *, seed: int = 1, to_shrink: float = 5
) -> Iterator[Search]:
    """Set a search up, on a loop of its own."""
    logging.disable(logging.CRITICAL)
    project = replace(WHOLE, journeys=Journeys([journey]))
    with asyncio.Runner() as runner:
        set_up = stage(folder)
        place = runner.run(set_up.__aenter__())
        try:
            yield Search(place, runner, project, (journey.name,), seed=seed, to_shrink=to_shrink)
        finally:
            runner.run(set_up.__aexit__(None, None, None))
            logging.disable(logging.NOTSET)


def found_in(
    journey: type[Journey], folder: Path, most: int = STORIES, *, to_shrink: float = 5
) -> tuple[Found | None, int]:
    """Search so many stories of a journey; return the breach, and the number of stories."""
    with searching(journey, folder, to_shrink=to_shrink) as search:
        *_, last = search.batches(lambda: True, most)
        return last, search.stories


@pytest.mark.parametrize("journey", FAULTS, ids=lambda one: one.__name__)
def test_a_planted_fault_is_found(journey: type[Journey], tmp_path: Path) -> None:
    found, stories = found_in(journey, tmp_path, to_shrink=0)
    assert found is not None, f"not in {stories} stories"
    assert FAULTS[journey] in {one.invariant for one in found.played.breaches}


def test_the_smallest_story_is_told_as_a_timeline_and_as_a_test_that_fails(
    tmp_path: Path,
) -> None:
    found, _ = found_in(Scattered, tmp_path, to_shrink=60)
    assert found is not None
    assert timeline(found) == [
        'Tue 10 Mar 2026 13:00  Order Completed cart_id="k1"',
        "Tue 10 Mar 2026 13:00    -> order-confirmed/summary by email: sent",
        "Tue 10 Mar 2026 13:00    -> order-confirmed/receipt by sms: sent",
        'Tue 10 Mar 2026 13:00  Order Completed cart_id="k2"',
        "Tue 10 Mar 2026 13:00    -> order-confirmed/summary by email: sent",
        "Tue 10 Mar 2026 13:00    -> order-confirmed/receipt by sms: sent",
    ]
    file = tmp_path / "test_found.py"
    file.write_text(as_test(found))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".",
         "-c", "pyproject.toml", str(file)],
        cwd=ROOT,
        env={n: v for n, v in os.environ.items() if not n.startswith(("PYTEST_", "SOJOURN_"))},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert "never order confirmed twice: two summaries of order_id-1" in done.stdout


def test_a_breach_in_memory_counts_once_the_real_gate_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(self: Memory, script: Script) -> Played:
        return Played(script, breaches=[Breach("in memory alone")])

    monkeypatch.setattr(Memory, "play", breaks)
    found, stories = found_in(WHOLE.journeys["loyalty-tier"], tmp_path, 3)
    assert (found, stories) == (None, 3)


def test_one_seed_makes_up_the_same_stories(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    first = found_in(Scattered, tmp_path / "1", to_shrink=0)
    again = found_in(Scattered, tmp_path / "2", to_shrink=0)
    assert first[0] is not None
    assert again[0] is not None
    assert first[0].played.script == again[0].played.script
    assert first[1] == again[1]


@pytest.mark.parametrize("name", sorted(WHOLE.journeys))
def test_no_story_of_a_journey_that_ships_breaks_an_invariant(name: str, tmp_path: Path) -> None:
    found, _ = found_in(WHOLE.journeys[name], tmp_path, SOUND)
    assert found is None, "\n".join([*timeline(found), as_test(found)])
