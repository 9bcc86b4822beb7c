"""`Tracking`: takes calls from senders that hold a write key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog

from sojourn.dispatch.envelope import ENVELOPE_FIELDS, OBJECTS
from sojourn.dispatch.noting import UNKNOWN
from sojourn.domain.errors import BadEvent
from sojourn.domain.events import LONGEST_ID
from sojourn.gateway.http.backend import Backend
from sojourn.gateway.http.faults import Refusal, busy
from sojourn.gateway.tracking.browser import BrowserDoor
from sojourn.gateway.tracking.keyring import Key, Keyring
from sojourn.gateway.tracking.shares import Shares
from sojourn.gateway.tracking.taking import Outcome, Taken, take_calls
from sojourn.store.keys import Kind

log = structlog.stdlib.get_logger("sojourn.gateway")

CALL_LIMIT = 32 << 10
"""The most bytes of a call, as in Segment's specification."""
BATCH_LIMIT = 500 << 10
"""The most bytes of a batch, as in Segment's specification."""


@dataclass(frozen=True)
class _Calls:
    """The calls of one request."""

    calls: Sequence[Any]
    key: Key
    received_at: datetime
    sent_at: datetime | None
    ask: bool
    deletes: bool


class Tracking:
    """The tracking API without its HTTP.

    Args:
        backend: takes the events.
        processes: the number of processes that share a key's rate.
    """

    def __init__(self, backend: Backend, *, processes: int = 1) -> None:
        self.backend = backend
        self.shares = Shares()
        sojourn = backend.sojourn
        self._browser = BrowserDoor(sojourn.settings, sojourn.store, sojourn.project.events)
        self.keyring = Keyring(backend.sojourn.store, processes=processes)

    async def take(
        self,
        calls: Sequence[Any],
        *,
        key: Key,
        received_at: datetime,
        sent_at: datetime | None = None,
        ask: bool = False,
        deletes: bool = False,
    ) -> list[Taken]:
        """Take in calls, and count them.

        Args:
            calls: the calls as they were sent.
            key: the sender's key.
            received_at: when they arrived.
            sent_at: when their batch was sent, by the sender's clock.
            ask: wait for the effect of each event on the runs that it concerns.
            deletes: the sender may delete customers.

        Returns:
            The outcome of each call, in their order. A taken call is stored; its runs are told
            meanwhile.

        Raises:
            Refusal: the key or a customer sends too much, or it took too long; try again.
            StoreUnavailable, TemporalUnavailable: as `take_calls`.
        """
        self.keyring.charge(key, len(calls))
        request = _Calls(calls, key, received_at, sent_at, ask, deletes)
        theirs = _by_customer(calls)
        if all(self.shares.has_room(who, len(places)) for who, places in theirs.items()):
            taken = await self._take(request, theirs)
        else:
            taken = await self._take_crowded(request, theirs)
        for one in taken:
            self._count(one, key)
        return taken

    async def _take_crowded(
        self, request: "_Calls", theirs: Mapping[str, Sequence[int]]
    ) -> list[Taken]:
        """Take the calls that can be taken at once, then those of customers at their limit.

        Raises:
            Refusal: a customer's earlier calls take too long. Other customers' calls are taken; the
                sender sends all of them again, and a call that was taken is not taken twice.
        """
        free = {who: at for who, at in theirs.items() if self.shares.has_room(who, len(at))}
        taken = await self._take(request, free) if free else []
        for customer_id in theirs.keys() - free.keys():
            places = theirs[customer_id]
            if not await self.shares.room(customer_id, len(places)):
                raise busy("too many calls of one customer are in work")
            taken += await self._take(request, {customer_id: places})
        return sorted(taken, key=lambda one: one.index)

    async def _take(self, request: "_Calls", theirs: Mapping[str, Sequence[int]]) -> list[Taken]:
        """Take the calls of some customers, in one place."""
        places = sorted(place for at in theirs.values() for place in at)
        leave = self.shares.enter({who: len(at) for who, at in theirs.items()})

        async def work() -> list[Taken]:
            try:
                return await take_calls(
                    self.backend.sojourn,
                    [request.calls[place] for place in places],
                    source=request.key.id,
                    received_at=request.received_at,
                    sent_at=request.sent_at,
                    allowed=request.key.events,
                    largest=CALL_LIMIT,
                    ask=request.ask and request.key.may_wait,
                    door=self._browser if request.key.kind is Kind.BROWSER else None,
                    deletes=request.deletes,
                )
            finally:
                leave()

        try:
            taken = await self.backend.done(request.key.id, work())
        except Refusal as refused:
            if refused.status == 429:  # it was never begun, so its own end does not come
                leave()
            raise
        return [replace(one, index=places[one.index]) for one in taken]

    def _count(self, taken: Taken, key: Key) -> None:
        metrics, fault = self.backend.metrics, taken.fault
        metrics.count_call(taken.type, taken.outcome)
        if taken.outcome is Outcome.QUARANTINED and fault is not None:
            self._count_quarantined(taken, fault)
        if not taken.notes:
            return
        places = sorted({self._place(taken.event, note.path) for note in taken.notes})
        for place in places:
            metrics.count_note(taken.event or taken.type, place)
        if taken.event or any(note.reason != UNKNOWN for note in taken.notes):
            # only places, by the names of our classes: a sender's words stay out of the log
            log.info(
                "taken in part",
                name=taken.event or taken.type or "unknown",
                parts=places,
                key=key.id,
            )

    def _place(self, event: str, path: str) -> str:
        """Return the part of a note's path that consists of our own names."""
        head, _, rest = path.partition(".")
        field = rest.partition(".")[0]
        known = self.backend.sojourn.project.events
        if head == "properties" and event in known and field in known[event].model_fields:
            return f"{head}.{field}"
        return head if head in ENVELOPE_FIELDS + OBJECTS else "call"

    def _count_quarantined(self, taken: Taken, fault: BadEvent) -> None:
        name, path = taken.event or taken.type, fault.path
        if not taken.event:  # a trait may have any name, and a sender must not create series
            path = path.partition(".")[0]
        self.backend.metrics.count_quarantined(name, path, fault.reason)


def _by_customer(calls: Sequence[Any]) -> dict[str, list[int]]:
    """Return the places of the calls by the customer they name, before anything is checked."""
    found: dict[str, list[int]] = {}
    for place, call in enumerate(calls):
        named = (call.get("userId") or call.get("anonymousId")) if isinstance(call, dict) else None
        found.setdefault(str(named)[:LONGEST_ID], []).append(place)
    return found
