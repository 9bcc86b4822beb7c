"""`Alone`: work on one customer, one piece after the other, within this process.

Transactions on one customer wait for each other in the database in any case. Here they wait without
a connection, so that one customer's flood leaves the connections to others.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Alone:
    """Locks by customer; one exists as long as somebody holds it or waits for it."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def with_(self, customer_id: str) -> AsyncIterator[None]:
        """Work alone on this customer; others wait in their order."""
        lock, users = self._locks.get(customer_id, (asyncio.Lock(), 0))
        self._locks[customer_id] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks[customer_id]
            if users > 1:
                self._locks[customer_id] = (lock, users - 1)
            else:
                del self._locks[customer_id]
