"""`sojourn rehearse` in memory: what a person and a program see of a small season."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sojourn.cli.season.in_memory import InMemory
from sojourn.cli.season.playing import play
from sojourn.settings import Settings
from tests.support.cli_stack import Cli
from tests.support.project import PROJECT

SIZE = ("rehearse", "--customers", "3", "--days", "14", "--seed", "5")


async def test_a_season_in_memory_is_the_same_each_time(offline: Cli) -> None:
    first, again = [await offline(*SIZE, "--json") for _ in range(2)]
    assert (first.code, first.out) == (again.code, again.out)
    told = json.loads(first.out)
    assert first.code == 1  # the tests' project has no journey that looks after a late order
    assert [line.partition(" on ")[0] for line in told["contradictions"]] == [
        "c003: abandoned-cart/reminder",
        "c003: abandoned-cart/nudge",
    ]
    assert told["left_out"] == []
    messages = [one for customer in told["customers"] for one in customer["messages"]]
    assert {one["state"] for one in messages} == {"sent", "skipped"}
    assert all(one["says"] for one in messages if one["state"] == "sent")


async def test_a_season_in_memory_keeps_no_database(offline: Cli) -> None:
    answer = await offline(*SIZE, "--keep", "season")
    assert answer.code == 2
    assert "a season in memory has no database: add --engine temporal" in answer.err


async def test_a_season_in_memory_can_be_broken_off(tmp_path: Path) -> None:
    begins = datetime(2026, 9, 1, tzinfo=UTC)
    settings = Settings(home=tmp_path)
    stage = InMemory(settings, PROJECT, begins)
    season = play(stage, settings, PROJECT, customers=2, days=9, seed=1, begins=begins)
    task = asyncio.create_task(season)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
