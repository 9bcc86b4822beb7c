"""`Tracking`: calls are taken for senders that hold a write key."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sojourn.gateway.http.backend import Backend
from sojourn.gateway.tracking.keyring import Key, Keyring
from sojourn.gateway.tracking.taking import Outcome, Taken, take_calls

CALL_LIMIT = 32 << 10
"""Bytes of a call, as in Segment's specification."""
BATCH_LIMIT = 500 << 10
"""Bytes of a batch, as in Segment's specification."""


class Tracking:
    """The tracking API without its HTTP.

    Args:
        backend: takes the events.
        processes: that share a key's rate.
    """

    def __init__(self, backend: Backend, *, processes: int = 1) -> None:
        self.backend = backend
        self.keyring = Keyring(backend.sojourn.store, processes=processes)

    async def take(
        self,
        calls: Sequence[Any],
        *,
        key: Key,
        received_at: datetime,
        sent_at: datetime | None = None,
        ask: bool = False,
    ) -> list[Taken]:
        """Take calls in, and count them.

        Args:
            calls: as they were sent.
            key: the sender's.
            received_at: when they arrived.
            sent_at: when their batch was sent, by the sender's clock.
            ask: wait for the effect of each event on the runs that it concerns.

        Returns:
            The end of each call, in their order.

        Raises:
            Refusal: the key sends too much, or it took too long: try again.
            StoreUnavailable, TemporalUnavailable: as `take_calls`.
        """
        self.keyring.charge(key, len(calls))
        work = take_calls(
            self.backend.sojourn,
            calls,
            source=key.id,
            received_at=received_at,
            sent_at=sent_at,
            allowed=key.events,
            largest=CALL_LIMIT,
            ask=ask,
        )
        taken = await self.backend.done(work)
        for one in taken:
            self._count(one)
        return taken

    def _count(self, taken: Taken) -> None:
        metrics, fault = self.backend.metrics, taken.fault
        metrics.count_call(taken.type, taken.outcome)
        if taken.outcome is Outcome.QUARANTINED and fault is not None:
            metrics.count_quarantined(taken.event, fault.path, fault.reason)
