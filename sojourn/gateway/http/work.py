"""A limit on the work that is under way at one time."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from prometheus_client import Gauge

T = TypeVar("T")


class Work:
    """The work under way in this process.

    Args:
        limit: requests at one time.
        gauge: shows their number.
    """

    def __init__(self, limit: int, gauge: Gauge) -> None:
        self._limit = limit
        self._gauge = gauge
        self._count = 0
        self._lasting: set[asyncio.Task[Any]] = set()
        self._afterwards: set[asyncio.Task[None]] = set()

    def begin(self) -> bool:
        """Begin a request; return False if there are too many already."""
        if self._count >= self._limit:
            return False
        self._add(1)
        return True

    def end(self) -> None:
        """End a request that `begin` let in."""
        self._add(-1)

    async def within(self, seconds: float, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of work that may outlast its request.

        It is not cancelled: an event that is being stored is stored to the end, and the work counts
        until then.

        Raises:
            TimeoutError: it is not done within ``seconds``, and goes on.
        """
        task = asyncio.create_task(work)
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if done:
            return task.result()
        self._add(1)
        self._lasting.add(task)
        task.add_done_callback(self._finished)
        raise TimeoutError

    def afterwards(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do work whose request is answered already. It takes no place of those that wait.

        Args:
            work: logs its own failures.

        Returns:
            False if as much of it as the limit allows is under way: then the work is not done.
        """
        if len(self._afterwards) >= self._limit:
            work.close()
            return False
        task = asyncio.create_task(work)
        self._afterwards.add(task)
        task.add_done_callback(self._afterwards.discard)
        return True

    async def drained(self) -> None:
        """Wait until all work that has begun is done."""
        while pending := self._lasting | self._afterwards:
            await asyncio.wait(pending)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._add(-1)
        self._lasting.discard(task)
        if not task.cancelled():
            task.exception()  # the sender was told to try again, and will see the failure then

    def _add(self, number: int) -> None:
        self._count += number
        self._gauge.set(self._count)
