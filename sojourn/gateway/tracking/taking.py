"""Calls of the tracking API, taken one by one: each stands for itself, each customer in order."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sojourn.dispatch import quarantine
from sojourn.dispatch.calls import Alias, Ignored, Read, Track, read_call
from sojourn.dispatch.client import Sojourn
from sojourn.dispatch.correcting import corrected
from sojourn.dispatch.published import Published
from sojourn.domain.customer import Identity
from sojourn.domain.errors import BadEvent
from sojourn.gateway.http.values import check_values, size

AT_ONCE = 32
"""Customers of one batch whose calls are taken at the same time."""


class Outcome(StrEnum):
    """What became of a call."""

    TAKEN = "taken"
    IGNORED = "ignored"
    """Accepted, and nothing here listens to its type."""
    REFUSED = "refused"
    QUARANTINED = "quarantined"
    """Refused, and kept until somebody mends it."""
    FORBIDDEN = "forbidden"
    """The key may not send it."""


@dataclass(frozen=True)
class Taken:
    """What became of one call.

    Args:
        index: its place in the batch.
        outcome: in one word.
        fault: why it was not taken; its path names the field.
        published: the event, if it is one.
        type: ``track``, ``identify``, ...; empty if the call has none that we know.
        event: the event's name, if one of ours.
    """

    index: int
    outcome: Outcome
    fault: BadEvent | None = None
    published: Published | None = None
    type: str = ""
    event: str = ""

    @property
    def ok(self) -> bool:
        """Whether the sender is done with it."""
        return self.fault is None


class Forbidden(BadEvent):
    """A call that its sender's key does not cover."""


TYPES = ("identify", "track", "page", "screen", "group", "alias")


@dataclass(frozen=True)
class _Item:
    index: int
    call: dict[str, Any]
    read: Read


@dataclass(frozen=True)
class _Delivery:
    """What holds for all calls of one request."""

    sojourn: Sojourn
    source: str
    received_at: datetime
    sent_at: datetime | None
    allowed: Collection[str] | None
    largest: int | None
    ask: bool

    async def item(self, index: int, call: Any) -> _Item | Taken:
        """The call, read; or why it cannot be taken."""
        try:
            self._check_allowed(call)
            whole = self._corrected(call)
            return _Item(index, whole, read_call(whole, self.sojourn.project.events))
        except BadEvent as error:
            fault = error
        if isinstance(fault, Forbidden):
            outcome = Outcome.FORBIDDEN
        elif await self._keep(call, fault):
            outcome = Outcome.QUARANTINED
        else:
            outcome = Outcome.REFUSED
        return Taken(index, outcome, fault, type=_type(call), event=self.event_of(call))

    def event_of(self, call: Any) -> str:
        """Return the known event that a call names; empty if it names none."""
        if _type(call) != "track":
            return ""
        name = call.get("event")
        known = self.sojourn.project.events
        return name if isinstance(name, str) and name in known else ""

    def _corrected(self, call: Any) -> dict[str, Any]:
        if not isinstance(call, dict):
            raise BadEvent("call", "must be an object")
        self._check_fit(call)
        return corrected(call, self.received_at, sent_at=self.sent_at)

    def _check_fit(self, call: dict[str, Any]) -> None:
        check_values(call)
        if self.largest is not None and size(call) > self.largest:
            raise BadEvent("call", f"is larger than {self.largest >> 10} KB")

    def _check_allowed(self, call: Any) -> None:
        if self.allowed is None:
            return
        kind = _type(call)
        if kind == "track" and call.get("event") not in [*self.allowed]:
            raise Forbidden("event", "this write key may not send this event")
        if kind in ("identify", "alias") and kind not in self.allowed:
            raise Forbidden("type", f"this write key may not send {kind} calls")

    async def _keep(self, call: Any, error: BadEvent) -> bool:
        """Keep a call that names a known event, if it can be kept."""
        if not self.event_of(call):
            return False
        try:
            self._check_fit(call)
        except BadEvent:  # what cannot be stored cannot be mended either
            return False
        with suppress(BadEvent):  # the envelope itself is at fault: kept as it was sent
            call = self._corrected(call)
        await quarantine.keep(
            self.sojourn.store, call, error, source=self.source, known=self.sojourn.project.events
        )
        return True


async def take_calls(
    sojourn: Sojourn,
    calls: Sequence[Any],
    *,
    source: str,
    received_at: datetime | None = None,
    sent_at: datetime | None = None,
    allowed: Collection[str] | None = None,
    largest: int | None = None,
    ask: bool = False,
) -> list[Taken]:
    """Take calls in: those of one customer strictly in order, those of others meanwhile.

    Args:
        sojourn: open.
        calls: as they were sent; the ``type`` of each says which it is.
        source: who sent them: a write key's id, or a webhook's name.
        received_at: when; now if not given.
        sent_at: when the batch was sent, by the sender's clock.
        allowed: event names, ``identify`` and ``alias``, as far as the sender may; None: all.
        largest: bytes of a call; None: as many as come.
        ask: wait for what each event did to the runs that it concerns.

    Returns:
        What became of each, in the order of ``calls``.

    Raises:
        StoreUnavailable, TemporalUnavailable: nothing of what is not stored yet is promised; all of
            it may be sent again, and what was taken is not taken twice.
    """
    received_at = received_at or datetime.now(UTC)
    delivery = _Delivery(sojourn, source, received_at, sent_at, allowed, largest, ask)
    read = [await delivery.item(index, call) for index, call in enumerate(calls)]
    taken = [one for one in read if isinstance(one, Taken)]
    items = (one for one in read if isinstance(one, _Item))
    taken += await _take_lanes(delivery, _lanes(items))
    return sorted(taken, key=lambda one: one.index)


def _type(call: Any) -> str:
    kind = call.get("type") if isinstance(call, dict) else None
    return kind if isinstance(kind, str) and kind in TYPES else ""


def _lanes(items: Iterable[_Item]) -> list[list[_Item]]:
    """The calls by customer. An alias joins two customers, and their lanes."""
    lanes: dict[str, list[_Item]] = {}
    for item in items:
        lane = lanes.setdefault(item.call["userId"], [])
        lane.append(item)
        if isinstance(item.read, Alias):
            other = lanes.get(item.read.previous_id, [])
            if other is not lane:
                lane += other
                lane.sort(key=lambda one: one.index)
            both = {item.read.previous_id, *(name for name, one in lanes.items() if one is other)}
            lanes.update(dict.fromkeys(both, lane))
    return list({id(lane): lane for lane in lanes.values()}.values())


async def _take_lanes(delivery: _Delivery, lanes: Sequence[list[_Item]]) -> list[Taken]:
    if len(lanes) == 1:  # nearly every request: nothing to run side by side
        return [await _take(delivery, item) for item in lanes[0]]
    free = asyncio.Semaphore(AT_ONCE)

    async def take(lane: list[_Item]) -> list[Taken]:
        async with free:
            return [await _take(delivery, item) for item in lane]

    # what has begun is finished, whatever becomes of the others
    answers = await asyncio.gather(*(take(lane) for lane in lanes), return_exceptions=True)
    taken: list[Taken] = []
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
        taken += answer
    return taken


async def _take(delivery: _Delivery, item: _Item) -> Taken:
    sojourn = delivery.sojourn
    kind, event = _type(item.call), delivery.event_of(item.call)
    try:
        match item.read:
            case Track():
                published = await item.read.into(sojourn, ask=delivery.ask)
                return Taken(item.index, Outcome.TAKEN, None, published, kind, event)
            case Identity():
                await sojourn.identify(item.read)
            case Alias():
                await sojourn.alias(item.read)
            case Ignored():
                return Taken(item.index, Outcome.IGNORED, type=kind)
    except BadEvent as error:  # what only the store can see
        return Taken(item.index, Outcome.REFUSED, error, type=kind, event=event)
    return Taken(item.index, Outcome.TAKEN, type=kind)
