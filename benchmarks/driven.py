"""Rounds of the journey on request: ``python -m benchmarks.driven HOME``.

Each line of the standard input is ``COUNT IN_FLIGHT``; each round's figures are a line of JSON. It
needs of the code that it measures only what that has had for long, so it also runs beside a former
version's modules, whose path it is started with.
"""

import asyncio
import json
import sys
from pathlib import Path

from benchmarks import throughput


async def _drive(home: Path) -> None:
    async with throughput.serving(home) as bench:
        await throughput._round(bench, "journey", throughput.LONE, throughput.LONE)  # noqa: SLF001
        print(json.dumps({"ready": True}), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            count, in_flight = map(int, line.split())
            one = await throughput._round(bench, "journey", count, in_flight)  # noqa: SLF001
            told = {
                "per_second": one.per_second,
                "worker_ms": one.worker_ms,
                "server_ms": one.server_ms,
            }
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    asyncio.run(_drive(Path(sys.argv[1])))
