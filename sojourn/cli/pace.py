"""Handle many events at an even pace, and in order for each customer."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import TypeVar
from zlib import crc32

LANES = 8
AHEAD = 100

T = TypeVar("T")


class Pace:
    """An even pace of turns per second. Unused turns are not saved up."""

    def __init__(self, rate: float | None) -> None:
        self._step = 1 / rate if rate else 0.0
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for the next turn."""
        now = asyncio.get_running_loop().time()
        turn = max(now, self._next)
        self._next = turn + self._step
        if turn > now:
            await asyncio.sleep(turn - now)


async def feed(
    items: Iterator[T], work: Callable[[T], Awaitable[None]], *, lane: Callable[[T], str]
) -> None:
    """Work on items concurrently, but on the items of one lane in order.

    Args:
        items: an iterator that may block, such as on a pipe.
        work: called for each item.
        lane: returns the lane of an item: its customer.

    Raises:
        Exception: the first failure of an item, which ends the work.
    """
    queues: list[asyncio.Queue[T | None]] = [asyncio.Queue(1) for _ in range(LANES)]

    async def serve(queue: asyncio.Queue[T | None]) -> None:
        while (item := await queue.get()) is not None:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group, aclosing(_without_blocking(items)) as ready:
            for queue in queues:
                group.create_task(serve(queue))
            async for item in ready:
                await queues[crc32(lane(item).encode()) % LANES].put(item)
            for queue in queues:
                await queue.put(None)
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None


async def _without_blocking(items: Iterator[T]) -> AsyncGenerator[T, None]:
    """Read the items in a thread, so that other work goes on while the next one is awaited.

    The thread is a daemon: Ctrl-C must end the process even while it waits for a terminal.
    """
    loop = asyncio.get_running_loop()
    ahead: asyncio.Queue[tuple[T] | Exception | None] = asyncio.Queue()
    room = threading.Semaphore(AHEAD)
    over = threading.Event()

    def read() -> None:
        last: Exception | None = None
        try:
            for item in items:
                room.acquire()
                if over.is_set():
                    return
                loop.call_soon_threadsafe(ahead.put_nowait, (item,))
        except Exception as error:  # raised again below, where the items are awaited
            last = error
        if not over.is_set():
            loop.call_soon_threadsafe(ahead.put_nowait, last)

    threading.Thread(target=read, name="lines ahead", daemon=True).start()
    try:
        while (item := await ahead.get()) is not None:
            if isinstance(item, Exception):
                raise item
            room.release()
            yield item[0]
    finally:
        over.set()
        room.release()
