"""Events through the gateway against raw Temporal signals to the same runs.

A service that knows the run's id and keeps no record sends a raw signal. The gateway
authenticates, validates, stores, finds the run, and only then signals and answers. Rounds
alternate; figures are medians of rounds, ratios are those of neighbouring rounds.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from uuid import uuid4

import psutil
from sqlalchemy import insert
from sqlmodel import SQLModel, col, select
from temporalio.client import Client

from benchmarks.bounded import in_lanes
from benchmarks.http import Line
from benchmarks.row import Row
from sojourn.cli.local.processes import HOST
from sojourn.cli.local.stack import Door, Stack, dev_stack
from sojourn.cli.output import stderr
from sojourn.dispatch import Sojourn, routing
from sojourn.domain.events import ProductAdded
from sojourn.domain.messages import Heard
from sojourn.settings import Settings
from sojourn.store import Store
from sojourn.store.tables import CustomerRow, EventRow
from tests.support.postgres import Postgres, find

RUNS = 200
AT_ONCE = 64
ROUNDS = 5
BATCH = 20
FEW, MANY = 1_000, 100_000
PROPERTIES = {"cart_id": "cart", "product_id": "mug", "price": 12.5, "currency": "EUR"}


@dataclass
class Round:
    """The result of one round.

    Args:
        per_second: answered events per second.
        waits: the milliseconds for each answer.
        told: events per second of which runs were told; the same for raw signals.
    """

    per_second: float
    waits: list[float] = field(default_factory=list)
    told: float = 0.0

    def wait(self, percent: int) -> float:
        """Return the most time that this share of the answers took."""
        return quantiles(self.waits, n=100)[percent - 1]


async def measure(home: Path, *, full: bool) -> list[Row]:
    """Run the rounds on SQLite and, if it is installed, on PostgreSQL."""
    events = 4_000 if full else 1_000
    rows = await _on("SQLite", home / "sqlite", "", events)
    commands = find()
    if commands is None:
        stderr.print("ingest: PostgreSQL is not installed, so it is left out")
        return rows
    server = Postgres(commands, durable=True)
    server.start()
    try:
        rows += await _on("PostgreSQL", home / "postgresql", await server.create(), events)
    finally:
        server.stop()
    return rows


async def _on(database: str, home: Path, url: str, events: int) -> list[Row]:
    settings = Settings(home=home, database_url=url, quiet_hours=None)
    async with _stack(settings) as (stack, door):
        customers = await _open_runs(stack)
        rounds = await _rounds(database, stack, door, customers, events)
        lags = await _lags(stack.store, customers)
        few, many = await _among(database, stack, door, customers, events)
    row = partial(Row, "ingest")
    one, batch, raw = rounds["one"], rounds["batch"], rounds["raw"]
    return [
        row(f"{database}: events told a second, one a call / raw signals", _ratio_told(one, raw),
            at_least=0.9),
        row(f"{database}: events told a second, {BATCH} a call / raw signals",
            _ratio_told(batch, raw), at_least=0.9),
        row(f"{database}: events acknowledged a second, one a call / raw signals",
            _ratio(one, raw), at_least=1.0),
        row(f"{database}: p99 of the answer, one a call / raw signals",
            median(o.wait(99) / r.wait(99) for o, r in zip(one, raw, strict=True)), at_most=1.5),
        *(
            row(f"{database}: from an event's arrival until its runs are told, p{p}",
                quantiles(lags, n=100)[p - 1], "ms")
            for p in (50, 99)
        ),
        row(f"{database}: CPU of the gateway an event, {MANY:,} open runs / {FEW:,}", many / few,
            at_most=1.2),
        *(
            row(f"{database}: {what}", median(r.per_second for r in rounds[kind]), "/s")
            for kind, what in (
                ("raw", "raw signals"),
                ("one", "events, one a call"),
                ("batch", f"events, {BATCH} a call"),
            )
        ),
        *(
            row(f"{database}: one a call, p{p} of the answer", median(r.wait(p) for r in one), "ms")
            for p in (50, 99)
        ),
        *(
            row(f"{database}: raw signal, p{p}", median(r.wait(p) for r in raw), "ms")
            for p in (50, 99)
        ),
    ]  # fmt: skip


@asynccontextmanager
async def _stack(settings: Settings) -> AsyncIterator[tuple[Stack, Door]]:
    async with dev_stack(settings, ports=False, lasting=False, gateway=True) as stack:
        assert stack.gateway is not None
        yield stack, stack.gateway


async def _open_runs(stack: Stack) -> list[str]:
    """Fill carts, and return them once their runs sleep."""
    customers = [f"c-{uuid4().hex[:12]}" for _ in range(RUNS)]
    sojourn = Sojourn(stack.client, stack.store, stack.settings)
    await in_lanes(
        customers,
        AT_ONCE,
        lambda c: sojourn.publish(ProductAdded(customer_id=c, cart_id="cart", product_id="mug")),
    )
    await sojourn.drain()
    return customers


async def _rounds(
    database: str, stack: Stack, door: Door, customers: Sequence[str], events: int
) -> dict[str, list[Round]]:
    kinds: dict[str, Callable[[int], Awaitable[Round]]] = {
        "raw": lambda n: _raw(stack.client, customers, n),
        "one": lambda n: _one_a_call(door, customers, n),
        "batch": lambda n: _many_a_call(door, customers, n),
    }
    done: dict[str, list[Round]] = {kind: [] for kind in kinds}
    for run in kinds.values():
        await run(events // 4)
    for number in range(ROUNDS):
        stderr.print(f"ingest on {database}: round {number + 1} of {ROUNDS}")
        for kind in list(kinds) if number % 2 else reversed(kinds):
            await _idle(stack)
            began = time.perf_counter()
            round_ = await kinds[kind](events)
            await _until_told(stack.store)
            round_.told = events / (time.perf_counter() - began)
            done[kind].append(round_)
    return done


async def _until_told(store: Store) -> None:
    """Wait until the runs are told of every stored event."""
    waiting = select(EventRow.seq).where(col(EventRow.routed_at).is_(None)).limit(1)
    while True:
        async with store.reading() as session:
            if (await session.exec(waiting)).first() is None:
                return
        await asyncio.sleep(0.01)


async def _lags(store: Store, customers: Sequence[str]) -> list[float]:
    """Return the milliseconds from each event's arrival until its runs were told."""
    query = select(EventRow).where(col(EventRow.customer_id).in_(list(customers)))
    async with store.reading() as session:
        return [
            1000 * (row.routed_at - row.received_at).total_seconds()
            for row in await session.exec(query)
            if row.routed_at is not None
        ]


async def _idle(stack: Stack) -> None:
    """Wait until the worker has finished the work of the previous round."""
    worker = psutil.Process(stack.worker.pid)
    while True:
        before = _cpu(worker)
        await asyncio.sleep(0.5)
        if _cpu(worker) - before < 0.05:
            return


async def _timed(
    numbers: Sequence[int], each: int, do: Callable[[int], Awaitable[object]]
) -> Round:
    waits: list[float] = []

    async def one(number: int) -> None:
        began = time.perf_counter()
        await do(number)
        waits.append(1000 * (time.perf_counter() - began))

    began = time.perf_counter()
    await in_lanes(numbers, AT_ONCE, one)
    return Round(len(numbers) * each / (time.perf_counter() - began), waits)


async def _raw(client: Client, customers: Sequence[str], events: int) -> Round:
    async def signal(number: int) -> None:
        customer_id = customers[number % len(customers)]
        handle = client.get_workflow_handle(
            routing.workflow_id("abandoned-cart", customer_id, "cart")
        )
        event = Heard(
            id=str(uuid4()),
            name=ProductAdded.event_name,
            at=datetime.now(UTC),
            seq=number,
            fields=PROPERTIES,
        )
        await handle.signal(event.name, event)

    return await _timed(range(events), 1, signal)


async def _one_a_call(door: Door, customers: Sequence[str], events: int) -> Round:
    return await _posting(
        door, "/v1/track", range(events), 1, lambda n: _call(customers[n % len(customers)])
    )


async def _many_a_call(door: Door, customers: Sequence[str], events: int) -> Round:
    def batch(number: int) -> dict[str, object]:
        first = number * BATCH
        calls = (_call(customers[n % len(customers)]) for n in range(first, first + BATCH))
        return {"batch": [{"type": "track", **call} for call in calls]}

    return await _posting(door, "/v1/batch", range(events // BATCH), BATCH, batch)


def _call(customer_id: str) -> dict[str, object]:
    return {
        "userId": customer_id,
        "event": ProductAdded.event_name,
        "properties": PROPERTIES,
        "messageId": str(uuid4()),
        "timestamp": datetime.now(UTC).isoformat(),
    }


async def _posting(
    door: Door,
    path: str,
    numbers: Sequence[int],
    each: int,
    body: Callable[[int], dict[str, object]],
) -> Round:
    free = [await Line.open(door.url, door.write_key) for _ in range(AT_ONCE)]
    lines = list(free)

    async def post(number: int) -> None:
        line = free.pop()
        await line.post(path, json.dumps(body(number)).encode())
        free.append(line)

    try:
        return await _timed(numbers, each, post)
    finally:
        for line in lines:
            line.close()


async def _among(
    database: str, stack: Stack, door: Door, customers: Sequence[str], events: int
) -> tuple[float, float]:
    """Measure the gateway's CPU seconds per event, with few and many open runs in the store."""
    costs, filled = [], RUNS
    for size in (FEW, MANY):
        await _fill(stack.store, size - filled)
        filled = size
        stderr.print(f"ingest on {database}: {size:,} open runs")
        rounds = []
        for _ in range(3):
            await _idle(stack)
            before = _cpu_of_gateway(door)
            await _one_a_call(door, customers, events)
            rounds.append((_cpu_of_gateway(door) - before) / events)
        costs.append(median(rounds))
    few, many = costs
    return few, many


async def _fill(store: Store, size: int) -> None:
    """Store additional open runs, which Temporal does not have."""
    now = datetime.now(UTC)
    for first in range(0, size, 5_000):
        names = [f"other-{uuid4().hex[:12]}" for _ in range(min(5_000, size - first))]
        rows = {
            "customers": [CustomerRow(customer_id=name).model_dump() for name in names],
            "events": [
                {
                    "message_id": f"event-{name}",
                    "customer_id": name,
                    "name": ProductAdded.event_name,
                    "occurred_at": now,
                    "received_at": now,
                    "routed_at": now,
                    "properties": PROPERTIES,
                }
                for name in names
            ],
            "runs": [
                {
                    "workflow_id": routing.workflow_id("abandoned-cart", name, "cart"),
                    "run_id": f"run-{name}",
                    "journey": "abandoned-cart",
                    "customer_id": name,
                    "key": "cart",
                    "enrolment": f"event-{name}",
                    "started_at": now,
                }
                for name in names
            ],
        }
        async with store.engine.begin() as connection:
            for table, values in rows.items():
                await connection.execute(insert(SQLModel.metadata.tables[table]), values)


def _cpu_of_gateway(door: Door) -> float:
    """Return the CPU seconds of the process that listens on an address, and of its children."""
    port = int(door.url.rpartition(":")[2])
    return sum(
        _cpu(psutil.Process(line.pid))
        for line in psutil.net_connections("tcp")
        if line.pid and line.status == psutil.CONN_LISTEN and line.laddr == (HOST, port)
    )


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _ratio(ours: Sequence[Round], raw: Sequence[Round]) -> float:
    """Return the median ratio of neighbouring rounds."""
    return median(o.per_second / r.per_second for o, r in zip(ours, raw, strict=True))


def _ratio_told(ours: Sequence[Round], raw: Sequence[Round]) -> float:
    """Return the median ratio of neighbouring rounds, until the last run was told."""
    return median(o.told / r.per_second for o, r in zip(ours, raw, strict=True))
