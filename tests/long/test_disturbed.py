"""Events arrive twice, in any order, while processes are killed: every run ends as it should.

Each event is stored once, none is lost, and every run ends as it does when the same events are
published once, in their order, with nobody disturbed. Two things may differ on the way there, for
the order in which news arrives decides them: a purchase that arrives before its cart leaves no run
to be converted, and a welcome may leave before the news that the account is in use.

The suite sends some events on SQLite; 20,000, with five kills, on each database::

    SOJOURN_EVENTS=20000 .venv/bin/python -m pytest -s tests/long/test_disturbed.py
"""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import pytest
from sqlmodel import col, func, select
from temporalio.client import Client
from temporalio.testing import TimeSkipper

from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn
from sojourn.dispatch.calls import Track, read_call
from sojourn.domain.messages import Reason, Result
from sojourn.journeys.queues import TASK_QUEUE
from sojourn.serving import worker
from sojourn.settings import Settings
from sojourn.store import Store, ledger, runs
from sojourn.store.tables import ConsentRow, CustomerRow, EventRow, LedgerRow, RunRow
from tests.support.happenings import Call, happenings, where_it_is_evening
from tests.support.installation import Installation, installation

T = TypeVar("T")
R = TypeVar("R")
Fate = tuple[str, tuple[tuple[object, ...], ...]]
"""The end of a run, and its messages."""

FULL = int(os.environ.get("SOJOURN_EVENTS", "0"))
EVENTS = FULL or 150
DATABASES = ["sqlite", "postgresql"] if FULL else ["sqlite"]
KILLS = 5 if FULL else 2
SEED = 5
LINES = 8
LARGEST_BATCH = 20
A_SEASON = timedelta(days=100)
"""All journeys are over by then."""
BY_NEWS = {Reason.GOAL_REACHED.value, Reason.RUN_STOPPED.value, Reason.SUPERSEDED.value}
"""Reasons for which a message is not sent when its run had not heard the latest event."""


@dataclass
class Expected:
    """The events, and the end of every run when nothing is killed."""

    calls: Sequence[Call]
    fates: dict[tuple[str, ...], Fate] = field(default_factory=dict)


@pytest.fixture(scope="module")
def expected() -> Expected:
    """Return the events and the undisturbed ends, once for both databases."""
    return Expected(happenings(EVENTS, seed=SEED))


@pytest.mark.parametrize("database_url", DATABASES, indirect=True)
async def test_every_run_ends_as_it_would_without_kills_and_retries(
    own_temporal: Server, tmp_path: Path, database_url: str, expected: Expected
) -> None:
    calls = expected.calls
    if not expected.fates:
        expected.fates |= await _undisturbed(own_temporal, tmp_path, calls)
    undisturbed = expected.fates
    settings = Settings(home=tmp_path, database_url=database_url, quiet_hours=None)
    async with (
        _store(settings, calls, "x") as store,
        installation(
            own_temporal, store, settings, processes=2 if FULL else 1, lines=LINES
        ) as running,
    ):
        began = time.perf_counter()
        await _send_all(running, _as(calls, "x"))
        _say(f"{2 * EVENTS} calls taken in {time.perf_counter() - began:.0f} s")
        assert running.gateway.ends.count(-signal.SIGKILL) >= KILLS // 2
        assert len(running.gateway.ends) + len(running.worker.ends) == KILLS
        assert await _kept(store) == Counter(call["messageId"] for call in calls)
        await _all_told(store)
        disturbed = await _fates(own_temporal.client, store)
    differing = {
        run: (undisturbed.get(run), disturbed.get(run))
        for run in undisturbed.keys() | disturbed.keys()
        if undisturbed.get(run) != disturbed.get(run)
    }
    _say(f"{len(undisturbed)} runs: {Counter(outcome for outcome, _ in undisturbed.values())}")
    for run, (one, other) in list(differing.items())[:10]:
        _say(f"{run}:\n  undisturbed {one}\n  disturbed   {other}")
    assert differing == {}
    assert {outcome for outcome, _ in undisturbed.values()} >= {"exhausted", "stopped"}


async def _undisturbed(
    server: Server, tmp_path: Path, calls: Sequence[Call]
) -> dict[tuple[str, ...], Fate]:
    """Return the ends when each customer's events come once, in their order."""
    home = tmp_path / "undisturbed"
    home.mkdir()
    settings = Settings(home=home, database_url=f"sqlite:///{home}/quiet.db", quiet_hours=None)
    queue = f"{TASK_QUEUE}-{uuid4().hex[:8]}"
    async with (
        _store(settings, calls, "y") as store,
        worker.serving(server.client, store, settings, task_queue=queue),
    ):
        sojourn = Sojourn(server.client, store, settings, task_queue=queue)
        days: dict[str, list[Call]] = {}
        for call in _as(calls, "y"):
            days.setdefault(call["userId"], []).append(call)

        async def live(day: Sequence[Call]) -> None:
            for call in day:
                read = read_call(call)
                assert isinstance(read, Track)
                await read.into(sojourn)

        began = time.perf_counter()
        await _at_once(live, days.values())
        _say(f"\n{len(calls)} events published in {time.perf_counter() - began:.0f} s")
        return await _fates(server.client, store)


@asynccontextmanager
async def _store(settings: Settings, calls: Sequence[Call], whose: str) -> AsyncIterator[Store]:
    """Open a store that knows the customers."""
    async with await Store.open(settings.store_url, migrate=True) as store:
        at, zone = datetime.now(UTC) - timedelta(days=2), where_it_is_evening()
        async with store.transaction() as session:
            for who in {call["userId"] for call in _as(calls, whose)}:
                card = CustomerRow(
                    customer_id=who, identified_at=at, email="a@shop.example", timezone=zone
                )
                yes = ConsentRow(customer_id=who, channel="email", granted=True, at=at, source="-")
                session.add_all([card, yes])
        yield store


def _as(calls: Iterable[Call], whose: str) -> list[Call]:
    """Return the calls, with customers that no other test on this server has."""
    return [{**call, "userId": f"{whose}{call['userId']}"} for call in calls]


async def _send_all(running: Installation, calls: Sequence[Call]) -> None:
    """Send each call twice, in random order and batches, and kill while that goes on."""
    rnd = random.Random(SEED)
    twice = [*calls, *calls]
    rnd.shuffle(twice)
    batches: list[list[Call]] = []
    while twice:
        size = rnd.randrange(1, LARGEST_BATCH + 1)
        batches.append(twice[:size])
        del twice[:size]
    left, done, go_on = iter(batches), 0, asyncio.Event()

    async def send() -> None:
        nonlocal done
        for batch in left:
            if len(batch) == 1:
                await running.sender.send("/v1/track", batch[0])
            else:
                await running.sender.send("/v1/batch", {"batch": batch})
            done += 1
            go_on.set()

    async def kill() -> None:
        moments = sorted(rnd.sample(range(1, len(batches) * 9 // 10), KILLS))
        for n, moment in enumerate(moments):
            while done < moment:
                go_on.clear()
                await go_on.wait()
            await asyncio.sleep(rnd.random() * 0.05)  # not right after an answer
            await (running.worker if n % 2 else running.gateway).kill()

    async with asyncio.TaskGroup() as group:
        group.create_task(kill())
        for _ in range(LINES):
            group.create_task(send())


async def _kept(store: Store) -> Counter[str]:
    """Return the message ids that are stored."""
    async with store.reading() as session:
        return Counter(await session.exec(select(EventRow.message_id)))


async def _all_told(store: Store) -> None:
    """Wait until the worker's sweep has routed every event that a kill left behind."""
    left = select(func.count()).where(col(EventRow.routed_at).is_(None))
    deadline = asyncio.get_running_loop().time() + 60
    while True:
        async with store.reading() as session:
            count = (await session.exec(left)).one()
        if not count:
            return
        assert asyncio.get_running_loop().time() < deadline, f"{count} events are told to no run"
        await asyncio.sleep(0.1)


async def _fates(client: Client, store: Store) -> dict[tuple[str, ...], Fate]:
    """Let a season pass for every run; return how each ended, and its messages."""
    async with store.reading() as session:
        every = {row.workflow_id: row for row in await runs.every(session)}
    began = time.perf_counter()
    results = dict(await _at_once(lambda run: _ended(client, run), every.values()))
    _say(f"{len(every)} runs ended in {time.perf_counter() - began:.0f} s")
    messages: dict[str, list[LedgerRow]] = {}
    async with store.reading() as session:
        for row in await ledger.every(session):
            messages.setdefault(row.workflow_id, []).append(row)
    fates: dict[tuple[str, ...], Fate] = {}
    for workflow_id, run in every.items():
        fate = _fate(results[workflow_id], messages.get(workflow_id, []))
        if fate != ("converted", ()):
            fates[run.journey, run.customer_id[1:], run.key] = fate
    return fates


async def _ended(client: Client, run: RunRow) -> tuple[str, str]:
    handle = client.get_workflow_handle(run.workflow_id, result_type=Result)
    while (await handle.describe()).close_time is None:
        # time must not pass for a run before its first wait
        if (await handle.query("status"))["until"] is None:
            await asyncio.sleep(0.05)
            continue
        await TimeSkipper(client).fast_forward(handle, A_SEASON)
        break
    async with asyncio.timeout(60):
        return run.workflow_id, (await handle.result()).outcome.value


def _fate(outcome: str, rows: Iterable[LedgerRow]) -> Fate:
    said = [
        (row.step, row.template, row.state, row.reason, row.channel, row.due_at.isoformat())
        for row in rows
        if row.reason not in BY_NEWS and not (outcome == "converted" and row.step == "welcome")
    ]
    return outcome, tuple(sorted(said, key=lambda row: row[-1]))


async def _at_once(do: Callable[[T], Awaitable[R]], items: Iterable[T]) -> list[R]:
    """Do something for all, some at a time."""
    free = asyncio.Semaphore(16)

    async def one(item: T) -> R:
        async with free:
            return await do(item)

    return await asyncio.gather(*(one(item) for item in items))


def _say(line: str) -> None:
    print(line)  # noqa: T201 (the figures, for `pytest -s`)
