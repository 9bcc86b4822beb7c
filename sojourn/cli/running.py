"""Run a command's coroutine."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

SETTLE_SECONDS = 0.02


def run(
    work: Coroutine[Any, Any, None],
    *,
    runner: Callable[[Coroutine[Any, Any, None]], None] = asyncio.run,
) -> None:
    """Run a command's coroutine, on another event loop if ``runner`` has one."""
    runner(_and_settle(work))


async def _and_settle(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    finally:
        # Temporal's core frees the objects of a failed call on its own thread. An interpreter that
        # ends at that very moment crashes: half of the runs did with temporalio 1.35.
        await asyncio.sleep(SETTLE_SECONDS)
