"""Later: customers whose stored events could not be told at once, tried again and again.

Their number is bounded. The events of any further customer are left to the sweep of the workers,
which finds them in the store, as it does after the end of this process.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from sojourn.domain.errors import Unavailable

log = logging.getLogger("sojourn.dispatch")

MOST = 10_000
"""Customers that are remembered: a few megabytes."""
AT_ONCE = 100
AGAIN_SECONDS = 1.0
SLOWEST_SECONDS = 8.0


class Later:
    """Customers to wake once that helps.

    Args:
        wake: routes a customer's unrouted events.

    Attributes:
        away: nobody could be told a moment ago, so that trying another customer is of no use.
    """

    def __init__(self, wake: Callable[[str], Awaitable[int]]) -> None:
        self._wake = wake
        self._customers: dict[str, None] = {}
        self._task: asyncio.Task[None] | None = None
        self._back = asyncio.Event()
        self.away = False

    def __len__(self) -> int:
        """Return how many customers are remembered."""
        return len(self._customers)

    def add(self, customer_id: str, error: Exception | None = None) -> None:
        """Remember a customer, unless there are too many.

        Args:
            customer_id: the customer's id.
            error: why its runs cannot be told; None: there was no room.
        """
        if isinstance(error, Unavailable) and not self.away:
            self.away = True
            self._back.clear()
            log.warning("runs cannot be told now, and are told later: %s", error)
        if len(self._customers) < MOST:
            self._customers[customer_id] = None
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._try_again())

    def back(self) -> None:
        """Take note that a run was told."""
        self.away = False
        self._back.set()

    def stop(self) -> None:
        """Stop trying."""
        self._customers.clear()
        if self._task is not None:
            self._task.cancel()

    async def _try_again(self) -> None:
        pause = AGAIN_SECONDS
        while self._customers:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._back.wait()
            # one alone first: it tells whether trying helps
            away = await self._try([next(iter(self._customers))])
            while self._customers and not away:
                away = await self._try(list(self._customers)[:AT_ONCE])
            pause = min(2 * pause, SLOWEST_SECONDS) if away else AGAIN_SECONDS
            self.away = away
            if away:
                self._back.clear()

    async def _try(self, some: list[str]) -> bool:
        """Wake some of them; tell whether a server is down, so that trying more is of no use."""
        for customer_id in some:
            del self._customers[customer_id]
        away = False
        answers = await asyncio.gather(*map(self._wake, some), return_exceptions=True)
        for customer_id, ended in zip(some, answers, strict=True):
            if isinstance(ended, Unavailable):
                away = True
                self._customers[customer_id] = None
            elif isinstance(ended, Exception):  # the sweep sets it aside if it cannot be mended
                log.error("the events of %s cannot be routed: %s", customer_id, ended)
        return away
