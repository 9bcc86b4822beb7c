"""A limit on the work that is under way at one time, and a line of requests that wait for a place.

A place is taken once the sender is known and its request has arrived, and given back when the work
is done: neither a stranger nor a slow connection can hold one. Under overload, all places are taken
and the line has its full length, but the work done a second stays the same.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from prometheus_client import Gauge

from sojourn.gateway.http.faults import Refusal, busy
from sojourn.gateway.http.line import Line
from sojourn.gateway.http.pace import Pace

T = TypeVar("T")

LINE = 6
"""The most requests in line for each place."""
LINE_SHARE = 0.5
"""The share of its time that a request may spend in line; the rest is for its work."""


class Work:
    """The work under way in this process.

    Args:
        limit: the most requests in work at one time.
        gauge: shows their number.
        waiting: shows the number of requests in line.
        seconds: the most time from a request's arrival to its answer.
    """

    def __init__(self, limit: int, gauge: Gauge, waiting: Gauge, seconds: float) -> None:
        self._limit = limit
        self._gauge = gauge
        self._waiting = waiting
        self._seconds = seconds
        self._count = 0
        self._line = Line()
        self._pace = Pace()
        self._lasting: set[asyncio.Task[Any]] = set()
        self._afterwards: set[asyncio.Task[None]] = set()

    @property
    def overrun(self) -> bool:
        """True while the line is so long that a new request would wait in vain."""
        return len(self._line) >= self._pace.within(
            self._seconds * LINE_SHARE, least=self._limit, most=LINE * self._limit
        )

    @asynccontextmanager
    async def place(self, sender: str) -> AsyncIterator[None]:
        """Hold a place; wait in line for it if all are taken.

        Args:
            sender: who asks; senders take turns.

        Raises:
            Refusal: no place became free in time.
        """
        if self._count >= self._limit or self._line:
            await self._in_line(sender)
        else:
            self._add(1)
        try:
            yield
        finally:
            self._add(-1)

    async def _in_line(self, sender: str) -> None:
        if self.overrun:
            raise _crowded()
        turn = self._line.join(sender)
        self._waiting.set(len(self._line))
        try:
            async with asyncio.timeout(self._seconds * LINE_SHARE):
                await asyncio.shield(turn)
        except (TimeoutError, asyncio.CancelledError) as error:
            if turn.done():  # the place was given at this moment
                if isinstance(error, TimeoutError):
                    return
                self._add(-1)
                raise
            self._line.leave(sender, turn)
            self._waiting.set(len(self._line))
            if isinstance(error, TimeoutError):
                raise _crowded() from None
            raise

    async def done(self, sender: str, work: Coroutine[Any, Any, T]) -> T:
        """Do work in a place, for as long as its request may wait.

        Args:
            sender: as for `place`.
            work: the work; it is not begun if there is no place.

        Raises:
            Refusal: no place became free in time.
            TimeoutError: the work is not done in time, and goes on.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self._seconds
        begun = False
        try:
            async with self.place(sender):
                begun = True
                return await self.within(until - loop.time(), work)
        finally:
            if not begun:
                work.close()

    async def within(self, seconds: float, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of work that may outlast its request.

        Late work is not cancelled: an event that is being stored is stored, and the work keeps its
        place until then.

        Raises:
            TimeoutError: the work is not done within ``seconds``, and goes on.
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
        """Do work whose request is already answered, without taking a place.

        Args:
            work: the work, which logs its own failures.

        Returns:
            False if the limit of such work is reached; then the work is not done.
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
        if number < 0 and self._line:  # without a line, the pace would be the senders'
            self._pace.count()
        while self._count < self._limit and self._line:
            self._line.next().set_result(None)
            self._count += 1
        self._gauge.set(self._count)
        self._waiting.set(len(self._line))


def _crowded() -> Refusal:
    return busy("too many calls are in work")
