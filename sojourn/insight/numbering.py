"""Numbering: what happens gets its place in the order that exports and webhooks follow.

The worker does it time and again, and an export before it begins. Several may do it at a time, and
die at any moment: a number is committed with the place up to which rows have theirs.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from sojourn.store import Store, changes
from sojourn.store.changes import Kind

PAGE = 2000
"""Rows of one transaction."""
PATIENCE = timedelta(seconds=2)
"""The time that a pass waits for a transaction that may still write a lower number."""
LOOK_EVERY = timedelta(milliseconds=20)


@dataclass(frozen=True)
class Numbering:
    """Gives numbers to what happens, once somebody follows it.

    Args:
        store: open.
        patience: how long a pass waits for other transactions, table by table.
    """

    store: Store
    patience: timedelta = PATIENCE

    async def catch_up(self) -> frozenset[Kind]:
        """Give numbers to all that is new.

        Returns:
            The kinds of which there is more, because a transaction that is open may still write
            before it: the next pass goes on there.
        """
        async with self.store.reading() as session:
            if await changes.feed(session) is None:
                return frozenset()
        behind = set()
        for kind in Kind:
            upto = await self._reach(kind)
            if upto is None:
                behind.add(kind)
                continue
            while await self._gather(kind, upto) == PAGE:
                pass
        return frozenset(behind)

    async def _gather(self, kind: Kind, upto: int) -> int:
        async with self.store.transaction() as session:
            return await changes.gather(session, kind, upto, PAGE)

    async def _reach(self, kind: Kind) -> int | None:
        """Return how far a table can be read; None if somebody writes into it for long."""
        async with self.store.reading() as session:
            before = await changes.reach(session, kind)
        for _ in range(max(1, self.patience // LOOK_EVERY)):
            async with self.store.reading() as session:
                if not await changes.still_writing(session, kind, before):
                    return before.number
            await asyncio.sleep(LOOK_EVERY.total_seconds())
        return None
