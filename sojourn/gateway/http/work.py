"""How much is in work at one time, and no more than that."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from prometheus_client import Gauge

T = TypeVar("T")


class Work:
    """Counts what is in work in this process.

    Args:
        limit: requests at most.
        gauge: shows the count.
    """

    def __init__(self, limit: int, gauge: Gauge) -> None:
        self._limit = limit
        self._gauge = gauge
        self._count = 0
        self._lasting: set[asyncio.Task[Any]] = set()
        self._afterwards: set[asyncio.Task[None]] = set()

    def begin(self) -> bool:
        """Take a request in work; False: there is too much already."""
        if self._count >= self._limit:
            return False
        self._add(1)
        return True

    def end(self) -> None:
        """A request is answered."""
        self._add(-1)

    async def within(self, seconds: float, work: Coroutine[Any, Any, T]) -> T:
        """The result of work that may outlast its request.

        It is not cancelled: an event that is being stored shall be stored, and counts until then.

        Raises:
            TimeoutError: it is not done by then, and goes on.
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
        """Do what nobody waits for. It takes nothing from those who wait for an answer.

        Args:
            work: tells its failures itself.

        Returns:
            False if as much of it as may be is under way already: then it is not done.
        """
        if len(self._afterwards) >= self._limit:
            work.close()
            return False
        task = asyncio.create_task(work)
        self._afterwards.add(task)
        task.add_done_callback(self._afterwards.discard)
        return True

    async def drained(self) -> None:
        """Wait until all that has begun is done."""
        while pending := self._lasting | self._afterwards:
            await asyncio.wait(pending)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._add(-1)
        self._lasting.discard(task)
        if not task.cancelled():
            task.exception()  # its sender was told to try again, and will see for itself

    def _add(self, number: int) -> None:
        self._count += number
        self._gauge.set(self._count)
