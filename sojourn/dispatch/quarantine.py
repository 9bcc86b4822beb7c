"""Quarantine: calls that do not validate are kept, mended and sent on their way.

Known events are among them, and identify calls: whole ones, or the traits that were left out.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.dispatch.calls import Track, event_of, read_call
from sojourn.dispatch.client import Sojourn
from sojourn.dispatch.published import Published
from sojourn.domain.customer import Identity
from sojourn.domain.errors import BadEvent, BadInput, UnknownName
from sojourn.domain.events import SHIPPED, Event, Events, fleeting
from sojourn.domain.events.lenience import renamed
from sojourn.domain.storable import storable_copy, storable_text
from sojourn.store import Store, quarantine
from sojourn.store.rights.recognising import drop_of_erased
from sojourn.store.tables import QuarantineRow

IDENTIFY = "identify"
"""The type of a call about a customer, and its name in the quarantine's list."""
_OF_THE_ATTEMPT = ("sentAt", "receivedAt", "timestamp", "originalTimestamp", "context")
"""Fields that may differ each time a sender tries, by its own hand or by our correction."""


async def keep(
    store: Store,
    call: dict[str, Any],
    error: BadEvent,
    *,
    source: str,
    known: Events = SHIPPED,
) -> None:
    """Keep a call that does not validate, in a transaction of its own.

    Only known events and identify calls are kept: nobody could mend anything else into one. The
    same call again, a sender's retry, adds no second row; one of somebody who was erased is only
    counted.

    Args:
        store: open.
        call: the tracking call as it was sent.
        error: why it was refused.
        source: the sender: a write key's id, or a webhook's name.
        known: the events of the project.
    """
    if is_identify(call):
        await _keep(store, call, error, source=source, name=IDENTIFY)
        return
    name = event_of({"type": "track", **call}, known)
    if not name:
        return
    if fleeting.is_fleeting(known[name]):
        call = _without_secrets(call, known[name])
    await _keep(store, call, error, source=source, name=name)


def _without_secrets(call: dict[str, Any], kind: type[Event]) -> dict[str, Any]:
    """Return a call without the fields that are not kept for long: a call here may be."""
    given = call.get("properties")
    named = renamed(kind, given) if isinstance(given, Mapping) else {}
    left = {name: value for name, value in call.items() if name != "context"}
    return {**left, "properties": fleeting.without_secrets(kind, named)}


async def keep_traits(
    store: Store, call: dict[str, Any], left: dict[str, Any], error: BadEvent, *, source: str
) -> None:
    """Keep the traits that were left out of an identify call, without those that were taken.

    The call that is kept has these alone, so that redriving it repeats no other word.

    Args:
        store: open.
        call: the identify call.
        left: the traits that were left out, as they were sent.
        error: why the first of them was.
        source: the sender.
    """
    context = {"context": None} if "context" in call else {}
    await _keep(store, {**call, **context, "traits": left}, error, source=source, name=IDENTIFY)


def is_identify(call: Any) -> bool:
    """Tell whether a call is an identify call of somebody: what it says can be mended."""
    return (
        isinstance(call, dict)
        and call.get("type") == IDENTIFY
        and any(isinstance(call.get(name), str) for name in ("userId", "anonymousId"))
    )


async def _keep(
    store: Store, call: dict[str, Any], error: BadEvent, *, source: str, name: str
) -> None:
    storable = _storable(call)
    async with store.transaction() as session:
        if await drop_of_erased(session, storable, source):
            return
        await quarantine.add(
            session,
            QuarantineRow(
                digest=_digest(storable),
                call=storable,
                name=name,
                path=storable_text(error.path),
                reason=storable_text(error.reason),
                source=source,
                received_at=datetime.now(UTC),
            ),
        )


async def keep_request(
    store: Store, request: dict[str, Any], error: BadEvent, *, source: str, name: str
) -> None:
    """Keep a whole request of a webhook that cannot be read, in a transaction of its own.

    Args:
        store: open.
        request: its body, and what else it takes to read it again.
        error: why it was refused.
        source: the webhook's name.
        name: what the list of the quarantine calls it: ``shopify orders/create``.
    """
    await _keep(store, request, error, source=source, name=name)


async def found(store: Store, number: int) -> QuarantineRow:
    """Return the call with this number, settled or not.

    Raises:
        UnknownName: there is none.
    """
    async with store.reading() as session:
        row = await quarantine.find(session, number)
    if row is None:
        raise _unknown(number)
    return row


async def mend(
    store: Store,
    number: int,
    changes: Iterable[tuple[str, Any]],
    known: Events = SHIPPED,
    check: Callable[[QuarantineRow], object] | None = None,
) -> QuarantineRow:
    """Change fields of a call in quarantine; afterwards it must validate.

    Args:
        store: open.
        number: of the call.
        changes: paths as faults name them, ``properties.price``, and their new values.
        known: the events of the project.
        check: raises if the changed call does not validate; None: it is read as a project's event.

    Returns:
        The call as it is kept from now on.

    Raises:
        UnknownName: there is no such call.
        BadInput: it is settled, or a path leads nowhere.
        BadEvent: it still does not validate; it stays as it was.
    """
    async with store.transaction() as session:
        row = await _held(session, number)
        call: dict[str, Any] = json.loads(json.dumps(row.call))
        for path, value in changes:
            _put(call, path, value)
        row.call = call
        if check is not None:
            check(row)
        else:
            _read(row, known)
        quarantine.mend(row, _storable(call), datetime.now(UTC))
        session.add(row)
    return row


async def redrive(sojourn: Sojourn, number: int) -> Published:
    """Send a call on its way, with its own message id and moment, then settle it.

    A process that dies in between leaves the call open: the second time stores no second event.

    Raises:
        UnknownName: there is no such call.
        BadInput: it is settled.
        BadEvent: it still does not validate.
        TemporalUnavailable: the event is stored, but runs could not be told yet.
    """
    async with sojourn.store.transaction() as session:
        read = _read(await _held(session, number), sojourn.project.events)
    if isinstance(read, Identity):
        heard = await sojourn.hear(read)
        if heard.faults:
            raise heard.faults[0]
        published = Published(read.message_id, not heard.repeated)
    else:
        published = await read.into(sojourn)
    await settle(sojourn.store, number, "redriven", datetime.now(UTC))
    return published


async def settle(store: Store, number: int, outcome: str, at: datetime) -> None:
    """Note that a call needs no more work, unless somebody else was quicker.

    Args:
        store: open.
        number: of the call.
        outcome: ``redriven`` or ``dropped``.
        at: the moment of that, by the machine's clock.
    """
    async with store.transaction() as session:
        row = await quarantine.hold(session, number)
        if row is not None and row.settled_at is None:
            quarantine.settle(row, outcome, at)
            session.add(row)


async def drop(store: Store, number: int) -> None:
    """Settle a call without sending it.

    Raises:
        UnknownName: there is no such call.
        BadInput: it is settled.
    """
    async with store.transaction() as session:
        row = await _held(session, number)
        quarantine.settle(row, "dropped", datetime.now(UTC))
        session.add(row)


def to_send(row: QuarantineRow) -> dict[str, Any]:
    """Return the call as `redrive` sends it: one that tells no moment happened on its arrival.

    Its moment stays as it is kept. The sender's clock was corrected when the call arrived; with a
    ``sentAt`` it would be corrected again.
    """
    call = {field: value for field, value in row.call.items() if field != "sentAt"}
    if call.get("timestamp") is None and call.get("originalTimestamp") is None:
        call["timestamp"] = row.received_at.isoformat()
    return call


async def _held(session: AsyncSession, number: int) -> QuarantineRow:
    row = await quarantine.hold(session, number)
    if row is None:
        raise _unknown(number)
    if row.settled_at is not None:
        raise BadInput(
            f"call {number} was {row.outcome} at {row.settled_at:%Y-%m-%d %H:%M} UTC: "
            "nothing is left to do"
        )
    return row


def _unknown(number: int) -> UnknownName:
    return UnknownName(
        "call in quarantine", str(number), hint="`sojourn quarantine` lists their numbers"
    )


def _read(row: QuarantineRow, known: Events) -> Track | Identity:
    read = read_call({"type": "track", **to_send(row)}, known, received_at=row.received_at)
    if isinstance(read, Identity) and read.faults:
        raise read.faults[0]
    if not isinstance(read, Track | Identity):
        raise BadEvent("type", "must be track or identify: quarantine holds no other calls")
    return read


def _put(call: dict[str, Any], path: str, value: Any) -> None:
    """Set a field of a call; make the objects on the way to it, but no items of lists."""
    *way, last = path.split(".")
    at: Any = call
    for part in way:
        if isinstance(at, list):
            at = at[_index(at, part, path)]
        elif isinstance(at, dict):
            at = at.setdefault(part, {})
        else:
            break
    if isinstance(at, list):
        at[_index(at, last, path)] = value
    elif isinstance(at, dict):
        at[last] = value
    else:
        raise BadInput(f"{path} leads nowhere: what it is part of is neither object nor list")


def _index(items: list[Any], part: str, path: str) -> int:
    if not part.isascii() or not part.isdigit() or int(part) >= len(items):
        raise BadInput(f"{path} leads nowhere: the list has {len(items)} items, counted from 0")
    return int(part)


def _storable(call: dict[str, Any]) -> dict[str, Any]:
    """Return the call as JSON that every database takes: not-a-number becomes text."""
    plain: dict[str, Any] = storable_copy(call)
    return plain


def _digest(call: dict[str, Any]) -> str:
    """Return a digest that stays the same across a sender's retries."""
    if is_identify(call):  # a sender repeats the same fault with every call about a customer
        same = {field: call.get(field) for field in ("type", "userId", "anonymousId", "traits")}
        return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()
    # an id tells calls apart by itself; calls without one are told apart by their moments
    ignored = _OF_THE_ATTEMPT if call.get("messageId") else ("sentAt", "receivedAt")
    content = {field: value for field, value in call.items() if field not in ignored}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
