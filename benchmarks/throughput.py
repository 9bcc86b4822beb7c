"""A journey against a bare hand-written workflow: the same timers and sends, side by side.

One worker process on one dev server serves both. Rounds alternate, so that other work on the
machine slows both equally; the figures are medians of rounds, the ratio is the median of their
pairs.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median

import psutil
from temporalio.client import Client, WorkflowHandle

from benchmarks.bounded import in_lanes
from benchmarks.messages import QUEUE
from benchmarks.row import Row
from benchmarks.shoppers import enrolments
from sojourn.cli.local.processes import Child, python, running
from sojourn.cli.local.stack import dev_server
from sojourn.cli.output import stderr
from sojourn.dispatch import routing
from sojourn.domain.messages import Enrolment
from sojourn.journeys.queues import search_attributes
from sojourn.settings import Settings
from sojourn.store import Store

ROUNDS = 5
WORKFLOWS = {"journey": "abandoned-cart", "bare": "bare", "floor": "floor"}
STARTING = 8
EVENTS_OF_THREE_TIMERS = 38
STUCK = timedelta(minutes=5)  # ends a run that fails again and again, and the benchmark with it
LONE = 4
MANY = 64
LOADED = 2.0  # multiples of the runs in flight that just keep the machine busy


@dataclass(frozen=True)
class Bench:
    """Everything that takes part."""

    client: Client
    server: psutil.Process
    worker: psutil.Process
    store: Store


@dataclass(frozen=True)
class Round:
    """The result of one round."""

    per_second: float
    worker_ms: float
    server_ms: float
    slept: int
    """The number of runs that set all three timers; a worker that lags may miss the first one."""


async def measure(home: Path, *, full: bool) -> list[Row]:
    """Run the rounds."""
    count = 600 if full else 80
    async with serving(home) as bench:
        return _rows(await rounds(bench, count, ("journey", "bare"), "throughput"), count)


async def of_the_journey(home: Path, count: int) -> Round:
    """Measure the journey alone, in one round, for a comparison with something else."""
    async with serving(home) as bench:
        await _round(bench, "journey", LONE, LONE)
        return await _round(bench, "journey", count, MANY)


@asynccontextmanager
async def serving(home: Path, database_url: str = "") -> AsyncIterator[Bench]:
    """Run a server and a worker for as long as the block lasts.

    Args:
        home: the installation's folder.
        database_url: of its database; empty: SQLite, in the folder.

    Yields:
        All that takes part.
    """
    settings = Settings(home=home, quiet_hours=None, database_url=database_url)
    async with (
        await Store.open(settings.store_url, migrate=True) as store,
        dev_server(home, ports=False, lasting=False) as server,
    ):
        child = Child(
            "the benchmark's worker",
            python("-m", "benchmarks.served", "throughput"),
            home / "worker.log",
            env={
                "SOJOURN_HOME": str(home),
                "SOJOURN_QUIET_HOURS": "off",
                "SOJOURN_CAPS": "off",
                "SOJOURN_DATABASE_URL": database_url,
                "TEMPORAL_ADDRESS": server.address,
            },
        )
        async with running(child):
            leash = psutil.Process(server.process.pid)
            (temporal,) = leash.children()
            yield Bench(server.client, temporal, psutil.Process(child.pid), store)


async def rounds(
    bench: Bench,
    count: int,
    kinds: Sequence[str],
    told: str,
    *,
    in_flight: int | None = None,
    times: int = ROUNDS,
) -> dict[str, list[Round]]:
    """Run rounds of several workflows in turns.

    Args:
        bench: all that takes part.
        count: the runs of a round.
        kinds: names among `WORKFLOWS`.
        told: the name of the benchmark, for its progress.
        in_flight: the runs at one time; None: twice as many as just keep the machine busy.
        times: how many rounds of each.

    Returns:
        The rounds by kind, in the order in which they were run.
    """
    stderr.print(f"{told}: warming up")
    for kind in kinds:
        await _round(bench, kind, LONE, LONE)
    if in_flight is None:
        lone = await _round(bench, "bare", LONE, LONE)
        many = await _round(bench, "bare", 2 * MANY, MANY)
        # a run that has the machine to itself takes `LONE / lone.per_second` seconds, mostly asleep
        in_flight = round(LOADED * many.per_second * LONE / lone.per_second)
    done: dict[str, list[Round]] = {kind: [] for kind in kinds}
    for number in range(times):
        stderr.print(f"{told}: round {number + 1} of {times}, {in_flight} runs in flight")
        for kind in list(done) if number % 2 else reversed(done):
            done[kind].append(await _round(bench, kind, count, in_flight))
    return done


async def _round(bench: Bench, kind: str, count: int, in_flight: int) -> Round:
    """Run a number of runs to their ends, starting a new one whenever one is done."""
    starting = asyncio.Semaphore(STARTING)
    lengths: list[int] = []

    async def follow(enrolment: Enrolment) -> None:
        async with starting:
            handle = await _start(bench.client, kind, enrolment)
        await handle.result()

    async def check(enrolment: Enrolment) -> None:
        handle = bench.client.get_workflow_handle(_id(kind, enrolment))
        lengths.append((await handle.describe()).history_length)

    people = await enrolments(bench.store, count)
    await asyncio.sleep(1)  # left behind by the round before
    worker, server = _cpu(bench.worker), _cpu(bench.server)
    began = time.perf_counter()
    await in_lanes(people, in_flight, follow)
    took = time.perf_counter() - began
    worker, server = _cpu(bench.worker) - worker, _cpu(bench.server) - server
    await in_lanes(people, STARTING, check)
    return Round(
        count / took,
        1000 * worker / count,
        1000 * server / count,
        sum(length >= EVENTS_OF_THREE_TIMERS for length in lengths),
    )


async def _start(client: Client, kind: str, enrolment: Enrolment) -> WorkflowHandle[object, object]:
    start = enrolment.start.model_copy(update={"at": datetime.now(UTC)})  # `QUIET` counts from it
    attributes = search_attributes("abandoned-cart", enrolment.customer_id)
    return await client.start_workflow(
        WORKFLOWS[kind],
        enrolment.model_copy(update={"start": start}),
        id=_id(kind, enrolment),
        task_queue=QUEUE,
        search_attributes=attributes if kind == "journey" else None,
        execution_timeout=STUCK,
    )


def _id(kind: str, enrolment: Enrolment) -> str:
    return routing.workflow_id(WORKFLOWS[kind], enrolment.customer_id, enrolment.key)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _rows(done: dict[str, list[Round]], count: int) -> list[Row]:
    journeys, bare = done["journey"], done["bare"]
    slept = sum(r.slept for r in (*journeys, *bare)) / (2 * ROUNDS * count)
    return [
        _row("share of runs that set all three timers", slept, at_least=0.98),
        _row("runs a second, journey / bare", ratio(done, "per_second", "bare"), at_least=0.9),
        _row("worker CPU a run, journey / bare", ratio(done, "worker_ms", "bare")),
        _row("server CPU a run, journey / bare", ratio(done, "server_ms", "bare")),
        *(
            _row(f"{kind}: {what}", median(getattr(r, figure) for r in rounds), unit=unit)
            for kind, rounds in done.items()
            for what, figure, unit in (
                ("runs finished", "per_second", "/s"),
                ("worker CPU a run", "worker_ms", "ms"),
                ("server CPU a run", "server_ms", "ms"),
            )
        ),
    ]


def ratio(done: Mapping[str, Sequence[Round]], figure: str, other: str) -> float:
    """Return the ratio of the journey to another workflow.

    Args:
        done: the rounds by kind.
        figure: the name of a field of `Round`.
        other: the kind to compare with.

    Returns:
        The median over neighbouring rounds.
    """
    pairs = zip(done["journey"], done[other], strict=True)
    return float(median(getattr(j, figure) / getattr(b, figure) for j, b in pairs))


_row = partial(Row, "throughput")
