"""The pace of a campaign: its own rate, and what a channel's limit leaves beside other messages."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import func
from sqlmodel import col, select

from sojourn.domain.messages import Channel
from sojourn.store import Store, ledger
from sojourn.store.tables import LedgerRow

LOOK_EVERY = 5.0
"""Seconds between two looks at what else leaves by the channel."""
LEAST = 0.1
"""The part of a limit that a campaign has, however much else leaves."""
MOST = 0.9
"""The part that it may have if nothing else leaves: a login code need not wait for it."""


class Pace:
    """Lets a campaign's messages go no faster than they may.

    Args:
        store: open.
        channel: by which they leave.
        workflow_id: of the campaign: other messages by the channel count against its limit.
        rate: of the campaign, messages a second; None: no rate of its own.
        limit: of the channel, messages a second; None: none.
        sleep: waits.
    """

    def __init__(
        self,
        store: Store,
        channel: Channel,
        workflow_id: str,
        *,
        rate: float | None,
        limit: float | None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._channel = channel
        self._workflow_id = workflow_id
        self._rate = rate
        self._limit = limit
        self._sleep = sleep
        self._looked = -LOOK_EVERY
        self._now_at_most: float | None = rate
        self._free_at = time.monotonic()

    async def batch(self, most: int) -> int:
        """Return how many messages may leave in the next batch: at most a second's worth."""
        await self._look()
        if self._now_at_most is None:
            return most
        return max(1, min(most, int(self._now_at_most)))

    async def turn(self, number: int) -> None:
        """Wait until this number of further messages may leave."""
        if self._now_at_most is None:
            return
        now = time.monotonic()
        wait = self._free_at - now
        self._free_at = max(self._free_at, now) + number / self._now_at_most
        if wait > 0:
            await self._sleep(wait)

    async def _look(self) -> None:
        if self._limit is None or time.monotonic() - self._looked < LOOK_EVERY:
            return
        self._looked = time.monotonic()
        span = timedelta(seconds=2 * LOOK_EVERY)
        since = datetime.now(UTC) - span
        async with self._store.reading() as session:
            query = (
                select(func.count())
                .select_from(LedgerRow)
                .where(
                    ledger.newly_accepted(since),
                    col(LedgerRow.settled_at) > since,
                    LedgerRow.channel == self._channel.value,
                    LedgerRow.workflow_id != self._workflow_id,
                    LedgerRow.state == "sent",
                )
            )
            others = (await session.exec(query)).one() / span.total_seconds()
        left = max(MOST * self._limit - others, LEAST * self._limit)
        self._now_at_most = left if self._rate is None else min(self._rate, left)
