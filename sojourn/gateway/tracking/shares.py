"""Shares: one customer's part of a process, so that a flood of one id delays only itself."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping

CALLS = 100
"""The most calls of one customer in work at a time; a request alone may hold more."""
PATIENCE_SECONDS = 1.0
"""Seconds that further calls of the customer wait for those to end."""


class Shares:
    """The calls in work, by customer.

    A broken SDK sends everything as the customer "undefined". Its calls wait here for each other,
    before they take a place.
    """

    def __init__(self) -> None:
        self._calls: Counter[str] = Counter()
        self._ended: dict[str, asyncio.Event] = {}

    def has_room(self, customer_id: str, calls: int) -> bool:
        """Tell whether this many more calls of a customer may be in work."""
        held = self._calls.get(customer_id, 0)
        return not held or held + calls <= CALLS

    def enter(self, calls: Mapping[str, int]) -> Callable[[], None]:
        """Count calls in work, by customer; the returned function takes them out again."""
        self._calls.update(calls)
        left = dict(calls)

        def leave() -> None:
            for customer_id, number in left.items():
                self._calls[customer_id] -= number
                if not self._calls[customer_id]:
                    del self._calls[customer_id]
                if (ended := self._ended.pop(customer_id, None)) is not None:
                    ended.set()
            left.clear()

        return leave

    async def room(self, customer_id: str, calls: int) -> bool:
        """Wait until this many more calls of a customer may be in work; False if they may not."""
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE_SECONDS
        while not self.has_room(customer_id, calls):
            ended = self._ended.setdefault(customer_id, asyncio.Event())
            try:
                async with asyncio.timeout_at(until):
                    await ended.wait()
            except TimeoutError:
                return False
        return True
