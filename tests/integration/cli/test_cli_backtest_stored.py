"""``sojourn backtest --since``: the store's own events, against a version or the ledger."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from sojourn.store import Store
from tests.support.baskets import BEGIN, JOURNEY, a_past, open_shop
from tests.support.cli_stack import Cli
from tests.support.own_project import SOJOURN, OwnProject

SINCE = ("--since", f"{BEGIN:%Y-%m-%dT%H:%M}Z")


async def filled(shop: OwnProject, url: str) -> tuple[OwnProject, str]:
    """Return a shop whose store has a past."""
    open_shop(shop)
    async with await Store.open(url) as store:
        await a_past(store, shop.folder, url)
    return shop, url


def backtest(past: tuple[OwnProject, str], *options: str) -> Any:
    shop, url = past
    return shop.run(
        *SOJOURN,
        "backtest",
        *options,
        SOJOURN_QUIET_HOURS="off",
        SOJOURN_DATABASE_URL=url,
        COLUMNS="80",
    )


def told(ran: Any) -> dict[str, Any]:
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


@pytest.mark.more
async def test_the_stores_events_are_played_and_what_was_sent_is_compared(
    own_project: OwnProject, migrated_url: str
) -> None:
    past = await filled(own_project, migrated_url)
    same = told(backtest(past, *SINCE, "--against", "ledger", "--json"))
    assert same["changes"] == [], "the code has not changed"
    basket = same["journeys"]["basket"]
    assert (basket["before"]["runs"], basket["after"]["runs"]) == (3, 3)
    assert basket["before"]["steps"] == basket["after"]["steps"]
    assert basket["after"]["steps"]["hello"] == {
        "due": 3, "sent": 2, "held": 0, "prevented": 0, "skipped": {"no_consent": 1},
        "channels": {"email": 2},
    }  # fmt: skip
    assert basket["after"]["outcomes"] == {"converted": 1, "exhausted": 2}
    assert same["gaps"] == {"open_runs": 1}, "Dora's, of the day before"
    assert same["cost"]["sms"]["before"] == same["cost"]["sms"]["after"]
    assert same["cost"]["sms"]["after"]["amounts"] == {"EUR": "0.14"}

    past[0].write("workflows/basket.py", JOURNEY.replace("hours(24))\n", "hours(1))\n", 1))
    shorter = backtest(past, *SINCE, "--against", "ledger")
    assert shorter.returncode == 0, shorter.stderr
    lines = shorter.stdout.splitlines()
    assert "cost: sms 0.14 → 0.21 EUR (+0.07), 2 → 3 segments" in lines, "Bea has not bought yet"
    assert "basket/again: gets it (1 customer): bea" in lines
    assert "1 run with messages in this time had begun before: it is not played" in lines
    assert lines[-1].startswith("the ledger also has what memory makes up")


@pytest.mark.more
async def test_two_versions_play_the_stores_events(
    own_project: OwnProject, migrated_database: Path, tmp_path: Path
) -> None:
    shutil.copy(migrated_database, tmp_path / "test.db")
    past = shop, _ = await filled(own_project, f"sqlite:///{tmp_path}/test.db")
    former = tmp_path / "former"
    shutil.copytree(shop.folder, former, ignore=shutil.ignore_patterns("former", ".sojourn"))
    shop.write("workflows/basket.py", JOURNEY.replace("(hours(24))", "(hours(1))"))
    shop.write("prices.toml", "")
    found = told(backtest(past, *SINCE, "--against", str(former), "--json"))
    changes = [
        (one["step"], one["kind"], one["customers"], one["seconds"]) for one in found["changes"]
    ]
    assert changes == [
        ("again", "gets it", 1, None),
        ("again", "gets it earlier", 2, -23 * 3600.0),
    ], "Bea buys an hour after the first message"
    assert found["cost"] is None
    assert "no prices.toml" in backtest(past, *SINCE, "--against", str(former)).stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "name a file of calls; or give --since"),
        (("calls.jsonl", *SINCE), "choose one"),
        (("--since", "soon"), '--since: "soon" is not a date: write it as 2026-11-03'),
        (("--since", "2999-01-01"), '--since: "2999-01-01" lies ahead'),
        ((*SINCE, "--against", "ledger", "--led-on", "9"), "--led-on: the ledger knows no future"),
        (("calls.jsonl", "--against", "ledger"), "--against ledger: compares the store's own"),
    ],
)
async def test_bad_input_is_one_line(offline: Cli, options: tuple[str, ...], said: str) -> None:
    answer = await offline("backtest", *options)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.fault


def test_a_time_without_events_is_refused(own_project: OwnProject, migrated_database: Path) -> None:
    open_shop(own_project)
    url = f"sqlite:///{migrated_database}"
    ran = backtest((own_project, url), *SINCE, "--against", "ledger")
    assert ran.returncode == 2
    assert "no event has arrived since 2026-03-26 12:00 UTC" in ran.stderr
