"""A message's own work: a journey against the same ladder whose activity only returns.

The floor is all that a run of three timers and three activities costs by itself. Then the CPU of
one message by stage. On SQLite and, where it is installed, on PostgreSQL.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

from benchmarks import stages
from benchmarks.row import Row
from benchmarks.throughput import Round, ratio, rounds, serving
from sojourn.cli.output import stderr
from sojourn.store import Store
from tests.support.postgres import Postgres, find

AT_MOST = {"SQLite": 1.6, "PostgreSQL": 1.8}
COUNT, FULL_COUNT = 40, 400
IN_FLIGHT = COUNT
"""All runs of a round at once, so that it takes as long as one; their CPU does not depend on it."""
ROUNDS = 3  # the CPU of a run differs little from round to round
MESSAGES = 150


async def measure(home: Path, *, full: bool) -> list[Row]:
    """Run the rounds and the stages on each database."""
    rows: list[Row] = []
    async for database, url in _databases():
        of_runs, of_stages = home / database, home / f"{database}-stages"
        of_runs.mkdir()
        of_stages.mkdir()
        count = FULL_COUNT if full else COUNT
        async with serving(of_runs, url) as bench:
            kinds = ("journey", "floor")
            done = await rounds(bench, count, kinds, "floor", in_flight=IN_FLIGHT, times=ROUNDS)
            rows += _rows(database, done)
            stderr.print(f"floor: {MESSAGES} messages by stage, {database}")
            rows += _of_stages(database, await stages.of(bench.store, of_stages, MESSAGES))
    return rows


async def _databases() -> AsyncIterator[tuple[str, str]]:
    """Yield the databases that there are: their names, and the URL of one for an installation."""
    yield "SQLite", ""
    async with _postgresql() as url:
        if url:
            yield "PostgreSQL", url
        else:
            stderr.print("floor: PostgreSQL is not installed, so it is left out")


@asynccontextmanager
async def _postgresql() -> AsyncIterator[str]:
    commands = find()
    if commands is None:
        yield ""
        return
    server = Postgres(commands, durable=True)
    server.start()
    try:
        url = await server.create()
        async with await Store.open(url, migrate=True):
            pass
        yield url
    finally:
        server.stop()


def _rows(database: str, done: dict[str, list[Round]]) -> list[Row]:
    rows = [
        Row(
            "floor",
            f"worker CPU a run, journey / floor, {database}",
            ratio(done, "worker_ms", "floor"),
            at_most=AT_MOST[database],
        ),
        Row(
            "floor",
            f"server CPU a run, journey / floor, {database}",
            ratio(done, "server_ms", "floor"),
        ),
    ]
    for kind, of_kind in done.items():
        for what, figure in (("worker", "worker_ms"), ("server", "server_ms")):
            spent = median(getattr(one, figure) for one in of_kind)
            rows.append(Row("floor", f"{kind}: {what} CPU a run, {database}", spent, "ms"))
    return rows


def _of_stages(database: str, spent: dict[str, float]) -> list[Row]:
    return [
        Row("floor", f"CPU of {stage}, {database}", taken, "ms") for stage, taken in spent.items()
    ]
