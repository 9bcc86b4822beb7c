"""This version against a former one: the same journey, on two installations, in turns.

The former version is a commit of this repository. Each has a Temporal server, a database and a
worker of its own, and rests while the other is measured.
"""

import asyncio
import json
import os
import shutil
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median

from benchmarks.row import Row
from sojourn.cli.output import stderr
from sojourn.domain.errors import SojournError
from tests.support.former import ROOT, unpack

FORMER = "93f7d6b9"
"""The last commit before the CPU of a message was halved."""
ROUNDS, FULL_ROUNDS = 5, 9
COUNT, FULL_COUNT = 120, 400
IN_FLIGHT = 96
"""More than two cores can serve in time: how many runs a second they finish is what counts."""
AT_LEAST = 1.25
PATIENCE = 300.0

Figures = dict[str, float]


async def measure(home: Path, *, full: bool) -> list[Row]:
    """Run the rounds."""
    code = home / "former"
    if not unpack(FORMER, code):
        stderr.print(f"former: the history has no commit {FORMER}, so it is left out")
        return []
    shutil.copy(ROOT / "benchmarks" / "driven.py", code / "benchmarks")
    rounds, count = (FULL_ROUNDS, FULL_COUNT) if full else (ROUNDS, COUNT)
    done: dict[str, list[Figures]] = {"now": [], "before": []}
    async with AsyncExitStack() as stack:
        drivers = {}
        for name, where in (("before", code), ("now", ROOT)):
            place = home / name
            place.mkdir()
            drivers[name] = await stack.enter_async_context(_driver(where, place))
        for number in range(rounds):
            stderr.print(f"former: round {number + 1} of {rounds}, {IN_FLIGHT} runs in flight")
            for name in list(done) if number % 2 else reversed(done):
                done[name].append(await _round(*drivers[name], count))
    return [
        _row("runs a second, now / before", _ratio(done, "per_second"), at_least=AT_LEAST),
        _row("worker CPU a run, now / before", _ratio(done, "worker_ms")),
        _row("server CPU a run, now / before", _ratio(done, "server_ms")),
        *(
            _row(f"{name}: {what}", median(one[figure] for one in done[name]), unit)
            for name in done
            for what, figure, unit in (
                ("runs finished", "per_second", "/s"),
                ("worker CPU a run", "worker_ms", "ms"),
            )
        ),
    ]


def _row(what: str, measured: float, unit: str = "", *, at_least: float | None = None) -> Row:
    return Row("former", what, measured, unit, at_least=at_least)


def _ratio(done: dict[str, list[Figures]], figure: str) -> float:
    pairs = zip(done["now"], done["before"], strict=True)
    return median(now[figure] / before[figure] for now, before in pairs)


@asynccontextmanager
async def _driver(code: Path, home: Path) -> AsyncIterator[tuple[Process, Path]]:
    """Run what drives the rounds of one version, for as long as the block lasts."""
    log = home / "driver.log"
    with log.open("wb") as written:
        driver = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "benchmarks.driven", str(home)),
            cwd=code,
            env={**os.environ, "PYTHONPATH": str(code)},
            stdin=PIPE,
            stdout=PIPE,
            stderr=written,
        )
    try:
        await _line(driver, log)
        yield driver, log
    finally:
        assert driver.stdin is not None
        driver.stdin.close()
        await driver.wait()


async def _round(driver: Process, log: Path, count: int) -> Figures:
    assert driver.stdin is not None
    driver.stdin.write(f"{count} {IN_FLIGHT}\n".encode())
    await driver.stdin.drain()
    return await _line(driver, log)


async def _line(driver: Process, log: Path) -> Figures:
    assert driver.stdout is not None
    async with asyncio.timeout(PATIENCE):
        line = await driver.stdout.readline()
    if not line:
        raise SojournError(f"former: a driver has ended: {_last_line(log)}")
    figures: Figures = json.loads(line)
    return figures


def _last_line(log: Path) -> str:
    said = log.read_text(errors="replace").strip().splitlines()
    return said[-1] if said else "it said nothing"
