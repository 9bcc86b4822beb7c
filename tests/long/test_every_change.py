"""A change of any shipped journey does to customers on the real engine what is told beforehand.

In a round each journey has one kind of change, and each another one in the next round.
``SOJOURN_CHANGES=7 pytest tests/long/test_every_change.py`` tries every kind of every journey.
"""

import json
import os
import shutil
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client

from sojourn.cli.calls import read_calls
from sojourn.dispatch.calls import Track
from sojourn.domain.alias import Alias
from sojourn.domain.customer import Identity
from sojourn.insight.backtesting.comparing import Comparison, compare
from sojourn.insight.backtesting.playing import Recorded, Span, play
from sojourn.insight.backtesting.remembering import remember
from sojourn.insight.backtesting.side import Line, Side
from sojourn.insight.backtesting.stored import read_stored
from sojourn.insight.leading.impact import impact
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store
from tests.support.altering import altered
from tests.support.every_journey import CUT, WHO, calls
from tests.support.leading import led
from tests.support.project import WHOLE
from tests.support.replacing import Served

SIZE = int(os.environ.get("SOJOURN_CHANGES", "0"))
ROUNDS = min(SIZE, 7) or 1
OPEN = ["later", "sooner", "inserted", "added", "asked", "conditioned", "renamed"]
"""Kinds of changes that runs meet which are open."""
PAST = ["inserted", "entering", "later", "renamed", "sooner", "conditioned", "asked"]
"""Kinds of changes that recorded events meet."""
MONTHS, DAY, SAME_MINUTE = timedelta(days=45), timedelta(days=1), timedelta(minutes=1)
TOLD = calls(WHO if SIZE else ("rome", "york"))
BEGIN = datetime.fromisoformat(TOLD[0]["timestamp"])
END = CUT + MONTHS
UNNOTICED: Mapping[str, Collection[str]] = {
    # nobody stands before a step: they are said at once, and only hours of rest can hold one
    "order-confirmed": OPEN,
    "login-code": ("later", "sooner", "inserted", "asked", "conditioned"),
    "loyalty-tier": ("later", "sooner", "inserted", "asked"),
    "product-watch": ("later", "sooner", "inserted", "asked"),
    # a wait that a run is in goes on as it was begun
    "browse-abandonment": ("later", "sooner"),
    "delivery": ("later", "sooner"),
    "double-opt-in": ("later", "sooner"),
    "loyalty": ("later", "sooner"),
    "two-way": ("later", "sooner"),
}
"""Kinds of changes of journeys that no open run notices."""
Difference = tuple[str, str, str]


@dataclass(frozen=True)
class Real:
    """The outcome on the real engine of the code that ships, the run of each message, the store."""

    side: Side
    run_of: Mapping[str, str]
    store_url: str


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def real(
    time_skipping_client: Client, migrated_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Real:
    home = tmp_path_factory.mktemp("real")
    async with installation(time_skipping_client, migrated_database, home) as made:
        side = await whole(made, WHOLE)
        return Real(side, await made.run_of(), made.settings.store_url)


@asynccontextmanager
async def installation(client: Client, empty: Path, home: Path) -> AsyncIterator[Served]:
    shutil.copy(empty, home / "journey.db")
    settings = Settings(
        home=home, database_url=f"sqlite:///{home / 'journey.db'}", track_clicks=False
    )
    async with await Store.open(settings.store_url) as store:
        made = await Served.begin(client, store, settings, BEGIN)
        yield made
        async with made.by(WHOLE):
            await made.terminate_all()


async def whole(made: Served, project: Project) -> Side:
    """Have everything happen under one code."""
    async with made.by(project) as travel:
        await made.tell(travel, TOLD)
        await made.pass_time(travel, END)
    return await made.side(END)


@pytest.mark.parametrize("number", range(ROUNDS))
async def test_what_happens_to_open_runs_is_told(
    number: int, real: Real, time_skipping_client: Client, migrated_database: Path, tmp_path: Path
) -> None:
    edits = in_round(number, OPEN)
    new = altered(tmp_path / f"open_{number}", edits)
    async with installation(time_skipping_client, migrated_database, tmp_path) as made:
        async with made.by(WHOLE) as travel:
            await made.tell(travel, TOLD)
            await made.pass_time(travel, CUT)
            file = await made.snapshot(tmp_path / "snapshot")
            runs = await made.open_runs()
            before, after = (led(file, one, made.settings, MONTHS) for one in (WHOLE, new))
            breaks = await made.replayed(new)
            assert (before.broken, {*after.broken}) == ({}, breaks)
            await made.terminate(breaks)
        async with made.by(new) as travel:
            await made.pass_time(travel, END)
            ends = await made.ends({run: one for run, one in runs.items() if run not in breaks})
        went_on = await made.side(END)
        run_of = {**real.run_of, **await made.run_of()}
    found = impact(before, after)
    stood = [line for line in real.side.lines if line.decided >= CUT]
    moved = [line for line in went_on.lines if line.decided >= CUT]
    assert not (alone := differ(stood, before.lines)), alone
    assert not (alone := differ(moved, after.lines)), alone
    kept = [
        Side(lines=[line for line in lines if run_of[line.key] not in breaks])
        for lines in (stood, moved)
    ]
    really = compare(*kept)
    assert changes(really) == changes(found.compared)
    assert found.changed == {run_of[key] for _, key, _ in changes(really)}
    assert found.unchanged == len(runs) - len(found.changed) - len(breaks)
    assert ends == after.ends
    noticed = {name for name, one in found.by_journey().items() if one.changes or one.broken}
    assert {(name, kind) for name, kind in edits.items() if name not in noticed} == {
        (name, kind) for name, kind in edits.items() if kind in UNNOTICED.get(name, ())
    }


@pytest.mark.parametrize("number", range(ROUNDS))
async def test_what_would_have_happened_is_told(
    number: int, real: Real, time_skipping_client: Client, migrated_database: Path, tmp_path: Path
) -> None:
    edits = in_round(number, PAST)
    new = altered(tmp_path / f"past_{number}", edits)
    async with installation(time_skipping_client, migrated_database, tmp_path) as made:
        really = compare(real.side, await whole(made, new))
    told = recorded(tmp_path / "calls.jsonl", made.settings)
    assert {one.name[0] for one in really.changes} == edits.keys()
    sides = [play(told, one, made.settings, led_on=END - told[-1].at) for one in (WHOLE, new)]
    assert_same(compare(*sides), really)
    async with await Store.open(real.store_url) as store:
        since, until = BEGIN - DAY, CUT
        stored = await read_stored(store, WHOLE.events, since=since, until=until)
    span = Span(since, until, lambda world: remember(world, stored.before))
    sides = [
        play(stored.calls, one, made.settings, led_on=MONTHS, span=span) for one in (WHOLE, new)
    ]
    assert_same(compare(*sides), really)


def assert_same(found: Comparison, really: Comparison) -> None:
    for ours, theirs in ((found.before, really.before), (found.after, really.after)):
        assert ours.left_out == ()
        assert not (alone := differ(theirs.lines, ours.lines)), alone
        assert ours.entered == theirs.entered
        assert ours.refused == theirs.refused
        assert ours.outcomes == theirs.outcomes
    assert changes(found) == changes(really)
    assert found.counts == really.counts


def in_round(number: int, kinds: Sequence[str]) -> Mapping[str, str]:
    """Return the kind of change of each journey in a round."""
    return {name: kinds[(n + number) % len(kinds)] for n, name in enumerate(WHOLE.journeys)}


def recorded(file: Path, settings: Settings) -> list[Recorded]:
    file.write_text("".join(json.dumps(one) + "\n" for one in TOLD))
    read = (call for _, call in read_calls(file, WHOLE.events, within=settings.clock_skew))
    return [call for call in read if isinstance(call, Track | Identity | Alias)]


def changes(compared: Comparison) -> list[Difference]:
    """Return the differences that customers notice, each with its message."""
    lines = ((one.kind.value, one.after or one.before) for one in compared.changes)
    return sorted((kind, line.key, line.customer_id) for kind, line in lines if line is not None)


def differ(happened: Iterable[Line], told: Iterable[Line]) -> str:
    """Return what one has and the other has not, line by line; moments may differ by a minute."""
    ours: dict[tuple[Any, ...], list[Line]] = {}
    for line in told:
        ours.setdefault(_fate(line), []).append(line)
    alone: list[tuple[str, Line]] = []
    for line in happened:
        same = next((one for one in ours.get(_fate(line), ()) if _near(one, line)), None)
        if same is None:
            alone.append(("happened", line))
        else:
            ours[_fate(line)].remove(same)
    alone += [("told", line) for lines in ours.values() for line in lines]
    return "".join(
        f"\n{who} {line.key}: {line.channel} {line.state} {line.reason} due {line.due:%d %b %H:%M}"
        f" decided {line.decided:%d %b %H:%M} {line.held and 'held'}"
        for who, line in sorted(alone, key=lambda one: (one[1].key, one[0]))
    )


def _fate(one: Line) -> tuple[Any, ...]:
    return one.key, one.customer_id, one.channel, one.state, one.reason, one.held


def _near(one: Line, other: Line) -> bool:
    return max(abs(one.due - other.due), abs(one.decided - other.decided)) < SAME_MINUTE
