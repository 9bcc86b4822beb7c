"""``python -m benchmarks [--full] [--only NAME] [--recipients N] [--json]``: measure, show a table.

Exit code 0: every bar is met. 1: a bar is missed, or a benchmark failed. 2: wrong usage.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

from benchmarks import (
    audiences,
    campaigns,
    costs,
    floor,
    former,
    in_memory,
    ingest,
    lanes,
    measuring,
    memory,
    reporting,
    tables,
    throughput,
    transactions,
)
from benchmarks.row import Row
from sojourn.cli.output import show_json, show_table, stderr
from sojourn.domain.errors import SojournError


class Benchmark(Protocol):
    """A benchmark, which keeps its state in ``home``."""

    def __call__(self, home: Path, *, full: bool) -> Awaitable[list[Row]]:
        """Measure."""
        ...


BENCHMARKS: dict[str, Benchmark] = {
    "costs": costs.measure,
    "transactions": transactions.measure,
    "throughput": throughput.measure,
    "floor": floor.measure,
    "former": former.measure,
    "memory": memory.measure,
    "ingest": ingest.measure,
    "lanes": lanes.measure,
    "audiences": audiences.measure,
    "campaigns": campaigns.measure,
    "measuring": measuring.measure,
    "report": reporting.measure,
    "tables": tables.measure,
    "in-memory": in_memory.measure,
}


async def _measure(chosen: Mapping[str, Benchmark], *, full: bool) -> list[Row]:
    task = asyncio.current_task()
    assert task is not None
    # as Ctrl-C does: through every `finally`, so that no server is left behind
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    rows = []
    for name, measure in chosen.items():
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="sojourn-bench-") as home:
            rows += await measure(Path(home), full=full)
        stderr.print(f"{name}: took {time.monotonic() - began:.0f} s")
    return rows


def main() -> int:
    """Run the chosen benchmarks; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--full", action="store_true", help="larger sizes; takes many minutes")
    parser.add_argument("--only", choices=BENCHMARKS, metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument(
        "--recipients",
        type=int,
        metavar="N",
        help="of the campaign, for campaigns and lanes",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    chosen = BENCHMARKS
    if options.recipients is not None:
        sized = {"campaigns": campaigns.measure, "lanes": lanes.measure}
        if options.only not in sized:
            parser.error(f"--recipients is for --only {' and --only '.join(sized)}")
        if options.recipients <= campaigns.FEW:
            parser.error(f"--recipients: more than {campaigns.FEW}, which is the small campaign")
        measure = partial(sized[options.only], recipients=options.recipients)
        chosen = {**BENCHMARKS, options.only: measure}
    for name in list(
        os.environ
    ):  # no benchmark may touch the installation's state, or be slowed by its settings
        if name.startswith(("SOJOURN_", "TEMPORAL_")):
            del os.environ[name]
    try:
        rows = asyncio.run(
            _measure(
                {options.only: chosen[options.only]} if options.only else chosen,
                full=options.full,
            )
        )
    except SojournError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("benchmarks: interrupted", file=sys.stderr)
        return 130
    if options.json:
        show_json([row.as_json() for row in rows])
    else:
        show_table(
            "Benchmarks",
            ("benchmark", "what", "measured", "bar", "verdict"),
            [row.cells for row in rows],
        )
    return int(any(row.ok is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
