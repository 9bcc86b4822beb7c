"""Calls of the tracking API, taken one by one: each stands for itself, each customer's in order."""

import asyncio
from collections.abc import Collection, Coroutine, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from itertools import groupby
from typing import Any, TypeVar

from sojourn.dispatch import quarantine
from sojourn.dispatch.calls import TYPES, Ignored, Read, Track, event_of, read_call
from sojourn.dispatch.client import Sojourn
from sojourn.dispatch.envelope import read_envelope, settled
from sojourn.dispatch.published import Published
from sojourn.domain.alias import Alias
from sojourn.domain.customer import Erasure, Errand, Identity
from sojourn.domain.errors import BadEvent
from sojourn.domain.made_ids import made_id
from sojourn.domain.notes import Note, few, left_out
from sojourn.domain.storable import Unstorable
from sojourn.gateway.http.faults import Forbidden
from sojourn.gateway.tracking.browser import BrowserDoor
from sojourn.store.cards import Identified

T = TypeVar("T")
AT_ONCE = 32
"""The most customers of one batch whose calls are taken at the same time."""


AT_A_STRETCH = 10
"""Calls of one batch that are read before other requests get a turn."""


class Outcome(StrEnum):
    """The outcome of a call."""

    TAKEN = "taken"
    IGNORED = "ignored"
    """Accepted, but nothing listens to its type."""
    REFUSED = "refused"
    QUARANTINED = "quarantined"
    """Refused, and kept until somebody mends it."""
    FORBIDDEN = "forbidden"
    """The key may not send it."""


@dataclass(frozen=True)
class Taken:
    """A call and its outcome.

    Args:
        index: its place in the batch.
        outcome: its outcome.
        fault: why it was not taken; its path names the field.
        published: the event, if it is one.
        type: ``track``, ``identify``, ...; empty if the call has no type that is known here.
        event: the event's name, if it is known here.
        notes: the parts of a taken call that were left out, and other hints for its sender.
    """

    index: int
    outcome: Outcome
    fault: BadEvent | None = None
    published: Published | None = None
    type: str = ""
    event: str = ""
    notes: tuple[Note, ...] = ()

    @property
    def ok(self) -> bool:
        """True if the sender is done with it."""
        return self.fault is None


@dataclass(frozen=True)
class _Item:
    index: int
    call: Any
    read: Read
    left: tuple[Note, ...] = ()


@dataclass(frozen=True)
class _Request:
    """Everything that the calls of one request share."""

    sojourn: Sojourn
    source: str
    received_at: datetime
    sent_at: datetime | None
    allowed: Collection[str] | None
    largest: int | None
    ask: bool
    door: BrowserDoor | None
    deletes: bool

    async def item(self, index: int, call: Any) -> _Item | Taken:
        """Read a call; return its outcome if it cannot be taken."""
        left: list[Note] = []

        def leave(path: str, reason: str) -> None:
            left.append(left_out(path, reason))

        try:
            self._check_allowed(call)
            if self.door is not None:
                call = self.door.fit(call, self.received_at, leave)
            read = read_call(
                call,
                self.sojourn.project.events,
                received_at=self.received_at,
                sent_at=self.sent_at,
                largest=self.largest,
                deletes=self.deletes,
                within=self.sojourn.settings.clock_skew,
            )
            if self.door is not None:
                read = await self.door.pass_(call, read, leave)
            return _Item(index, call, read, few(left))
        except BadEvent as error:
            outcome = await self._refuse(call, error)
            return Taken(index, outcome, error, type=_type(call), event=self.event_of(call))

    def event_of(self, call: Any) -> str:
        """Return the name of the known event that a call names; empty if it names none."""
        return event_of(call, self.sojourn.project.events)

    async def hear(self, item: "_Item") -> tuple[Note, ...]:
        """Take in an identify call; keep the traits that are left out, and return notes on them."""
        assert isinstance(item.read, Identity)
        heard = await self.sojourn.hear(item.read, wait=False)
        if heard.faults:
            with suppress(BadEvent):
                envelope = read_envelope(item.call, self.received_at, sent_at=self.sent_at)
                await quarantine.keep_traits(
                    self.sojourn.store,
                    settled(item.call, envelope),
                    heard.left,
                    heard.faults[0],
                    source=self.source,
                )
        return few(_notes(item.read, heard))

    async def _refuse(self, call: Any, error: BadEvent) -> Outcome:
        match error:
            case Forbidden():
                return Outcome.FORBIDDEN
            case Unstorable():
                return Outcome.REFUSED
            case _ if not self.event_of(call) and not quarantine.is_identify(call):
                return Outcome.REFUSED
        await self._keep(call, error)
        return Outcome.QUARANTINED

    def _check_allowed(self, call: Any) -> None:
        if self.allowed is None:
            return
        kind = _type(call)
        names = (self.event_of(call), call.get("event"))
        if kind == "track" and not any(name in [*self.allowed] for name in names):
            raise Forbidden("event", "this write key may not send this event")
        if kind in ("identify", "alias") and kind not in self.allowed:
            raise Forbidden("type", f"this write key may not send {kind} calls")

    async def keep_what_starts(self, item: "_Item") -> None:
        """Keep an event that ended runs, but is too broken to start any until it is mended."""
        read = item.read
        if not isinstance(read, Track) or read.event.is_whole:
            return
        if self.sojourn.project.events.role(read.name).starts:
            again = made_id("whole", read.message_id)  # the event itself has used its own id
            fault = read.notes[0]
            await self._keep({**item.call, "messageId": again}, BadEvent(fault.path, fault.reason))

    async def _keep(self, call: dict[str, Any], error: BadEvent) -> None:
        """Keep a call in quarantine, with its moment settled if its envelope can be read."""
        known = self.sojourn.project.events
        ends = known.role(event_of(call, known)).ends
        with suppress(BadEvent):  # else the envelope is at fault: the call is kept as it came
            envelope = read_envelope(
                call,
                self.received_at,
                sent_at=self.sent_at,
                ends=ends,
                within=self.sojourn.settings.clock_skew,
            )
            call = settled(call, envelope)
        await quarantine.keep(
            self.sojourn.store, call, error, source=self.source, known=self.sojourn.project.events
        )


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
    door: BrowserDoor | None = None,
    deletes: bool = False,
) -> list[Taken]:
    """Take in calls: one customer's strictly in order, those of several customers in parallel.

    A taken call is stored; its runs are told meanwhile, or before the return if ``ask``.

    Args:
        sojourn: takes the calls.
        calls: the calls as they were sent, each with its ``type``.
        source: the sender: a write key's id, or a webhook's name.
        received_at: when they arrived; now if not given.
        sent_at: when the batch was sent, by the sender's clock.
        allowed: the event names, ``identify`` and ``alias`` that the sender may send; None: all.
        largest: the most bytes of a call; None: no limit.
        ask: wait for the effect of each event on the runs that it concerns.
        door: the checks on browsers' calls; None: the sender is trusted with its customers.
        deletes: the sender may delete customers, as a shop may.

    Returns:
        The outcome of each call, in the order of ``calls``.

    Raises:
        StoreUnavailable, TemporalUnavailable: some calls may not be stored. All of them may be sent
            again: a call that was taken is not taken twice.
    """
    received_at = received_at or datetime.now(UTC)
    request = _Request(sojourn, source, received_at, sent_at, allowed, largest, ask, door, deletes)
    read = []
    for index, call in enumerate(calls):
        if index % AT_A_STRETCH == AT_A_STRETCH - 1:
            await asyncio.sleep(0)  # a large batch must not keep the others waiting
        read.append(await request.item(index, call))
    taken = [one for one in read if isinstance(one, Taken)]
    items = (one for one in read if isinstance(one, _Item))
    taken += await _take_lanes(request, _lanes(items))
    return sorted(taken, key=lambda one: one.index)


def _type(call: Any) -> str:
    kind = call.get("type") if isinstance(call, dict) else None
    return kind if isinstance(kind, str) and kind in TYPES else ""


def _notes(call: Identity, heard: Identified) -> Iterator[Note]:
    if heard.ended:
        yield Note("userId", "was deleted: nothing of the call is kept")
    elif heard.repeated and not call.sure and call.says_something:
        yield Note(
            "messageId",
            "is missing, and so is a timestamp: an equal call was taken before, so that only "
            "refusals of this one count",
        )
    yield from call.notes
    for fault in heard.faults:
        yield left_out(fault.path, fault.reason)


def _lanes(items: Iterable[_Item]) -> list[list[_Item]]:
    """Return the calls by customer; an alias joins two customers, and so their lanes."""
    lanes: dict[str, list[_Item]] = {}
    for item in items:
        lane = lanes.setdefault(item.read.customer_id, [])
        lane.append(item)
        if isinstance(item.read, Alias):
            other = lanes.get(item.read.previous_id, [])
            if other is not lane:
                lane += other
                lane.sort(key=lambda one: one.index)
            both = {item.read.previous_id, *(name for name, one in lanes.items() if one is other)}
            lanes.update(dict.fromkeys(both, lane))
    return list({id(lane): lane for lane in lanes.values()}.values())


async def _take_lanes(request: _Request, lanes: Sequence[list[_Item]]) -> list[Taken]:
    if len(lanes) == 1:  # nearly every request: nothing to run in parallel
        return await _take_lane(request, lanes[0])
    free = asyncio.Semaphore(AT_ONCE)

    async def take(lane: list[_Item]) -> list[Taken]:
        async with free:
            return await _take_lane(request, lane)

    return [one for taken in await _all(map(take, lanes)) for one in taken]


async def _take_lane(request: _Request, lane: Sequence[_Item]) -> list[Taken]:
    """Take one customer's calls in their order.

    Events that follow one another are stored together: the intake keeps their order.
    """
    taken: list[Taken] = []
    for _, group in groupby(lane, lambda item: isinstance(item.read, Track)):
        items = list(group)
        if isinstance(items[0].read, Track) and len(items) > 1:
            taken += await _all(_take(request, item) for item in items)
        else:
            taken += [await _take(request, item) for item in items]
    return taken


async def _all(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run work in parallel; finish everything that has begun, even if a part fails."""
    found: list[T] = []
    for answer in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(answer, BaseException):
            raise answer
        found.append(answer)
    return found


async def _take(request: _Request, item: _Item) -> Taken:
    taken = await _taken(request, item)
    return replace(taken, notes=few((*taken.notes, *item.left))) if item.left else taken


async def _taken(request: _Request, item: _Item) -> Taken:
    sojourn = request.sojourn
    kind, event = _type(item.call), request.event_of(item.call)
    try:
        match item.read:
            case Track():
                published = await item.read.into(sojourn, ask=request.ask, wait=request.ask)
                await request.keep_what_starts(item)
                notes = (*published.notes, *item.read.notes)
                return Taken(item.index, Outcome.TAKEN, None, published, kind, event, notes)
            case Identity():
                notes = await request.hear(item)
                return Taken(item.index, Outcome.TAKEN, type=kind, notes=notes)
            case Erasure():
                await sojourn.erase(item.read, by=request.source)
            case Errand():
                await sojourn.keep_errand(item.read)
            case Alias():
                notes = await sojourn.alias(item.read, wait=False)
                return Taken(item.index, Outcome.TAKEN, type=kind, notes=notes)
            case Ignored():
                return Taken(item.index, Outcome.IGNORED, type=kind)
    except BadEvent as error:  # a fault that only the store can see
        return Taken(item.index, Outcome.REFUSED, error, type=kind, event=event)
    return Taken(item.index, Outcome.TAKEN, type=kind)
