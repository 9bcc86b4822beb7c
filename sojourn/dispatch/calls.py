"""The one reader of calls: it decides what a call of Segment's tracking API means.

The gateway, files, replays and the quarantine all read by it.
https://segment.com/docs/connections/spec/common/ describes the fields. ``identify`` makes or
updates a customer, ``track`` is an event, ``alias`` joins two customers, the others are ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sojourn.dispatch.client import Sojourn
from sojourn.dispatch.envelope import (
    ENVELOPE_FIELDS,
    Envelope,
    present,
    read_envelope,
    traits_of,
)
from sojourn.dispatch.noting import as_sent, notes_on
from sojourn.dispatch.published import Published
from sojourn.domain.alias import Alias
from sojourn.domain.customer import Erasure, Errand, Identity, read_identity
from sojourn.domain.devices import Device, read_device
from sojourn.domain.errors import BadEvent
from sojourn.domain.events import (
    LARGEST,
    SHIPPED,
    AudienceEntered,
    AudienceLeft,
    Event,
    Events,
    HoldEnded,
    JourneyStopped,
    OptInConfirmed,
    OptInWithdrawn,
    TaskAnswered,
    TimeZoneChanged,
    check_json,
)
from sojourn.domain.notes import Note, few, left_out
from sojourn.domain.ordering import CLOCK_SKEW
from sojourn.domain.reading import read_identifier
from sojourn.domain.storable import (
    Unstorable,
    check_storable,
    json_size,
    storable_part,
    storable_text,
)

_OURS = (
    AudienceEntered,
    AudienceLeft,
    HoldEnded,
    JourneyStopped,
    OptInConfirmed,
    OptInWithdrawn,
    TaskAnswered,
    TimeZoneChanged,
)
WRITTEN_HERE = frozenset(event.event_name for event in _OURS)
"""Events that no sender may send: they would end a run, or move it."""
_INSTEAD = {
    OptInConfirmed.event_name: "an identify call tells consent",
    OptInWithdrawn.event_name: "an identify call tells consent",
}
TYPES = ("identify", "track", "page", "screen", "group", "alias")


@dataclass(frozen=True)
class Track:
    """A ``track`` call that validates.

    Args:
        name: of the event, as it is known here; else as it was sent.
        properties: those that were understood, under the names of the event's fields.
        event: the same, typed.
        also: the other ids that the call has.
        as_sent: name and properties as they were sent, if they differ from these.
        notes: what was left out, and what else the sender should know.
        device: that the call came from.
    """

    name: str
    properties: dict[str, Any]
    event: Event
    also: tuple[str, ...] = ()
    as_sent: dict[str, Any] | None = None
    notes: tuple[Note, ...] = field(default=(), compare=False)
    device: Device | None = field(default=None, compare=False)

    @property
    def message_id(self) -> str:
        """The call's own id."""
        return self.event.message_id

    @property
    def customer_id(self) -> str:
        """The customer who did it."""
        return self.event.customer_id

    @property
    def at(self) -> datetime:
        """The moment when it happened."""
        return self.event.occurred_at

    async def into(self, sojourn: Sojourn, *, ask: bool = False, wait: bool = True) -> Published:
        """Publish the event.

        Args:
            sojourn: open.
            ask: as for `Sojourn.publish`.
            wait: as for `Sojourn.publish`.

        Returns:
            The fate of the event.
        """
        if self.device is not None:  # first: what the event starts may write to it at once
            await sojourn.use_device(self.customer_id, self.device, self.at, self.message_id)
        return await sojourn.take(
            self.event,
            self.name,
            self.properties,
            ask=ask,
            wait=wait,
            also=self.also,
            as_sent=self.as_sent,
        )


@dataclass(frozen=True)
class Ignored:
    """A call that validates, and that nothing here listens to."""

    customer_id: str


Read = Track | Identity | Erasure | Errand | Alias | Ignored


def read_call(
    call: object,
    known: Events = SHIPPED,
    *,
    received_at: datetime | None = None,
    sent_at: datetime | None = None,
    largest: int | None = None,
    deletes: bool = False,
    within: timedelta = CLOCK_SKEW,
) -> Read:
    """Read one call; its ``type`` says which.

    Args:
        call: parsed JSON, as it was sent.
        known: the events of the project.
        received_at: when it arrived. None for a call out of a file, which tells that itself.
        sent_at: when the call's batch was sent, by the sender's clock.
        largest: size of the call as compact JSON, in bytes, at most; None: only the limit of an
            event's properties holds.
        deletes: the sender may delete customers, which is no call of Segment's: no write key may.
        within: how far senders' clocks may differ.

    Returns:
        The call's meaning: every field of it is valid, and can be stored.

    Raises:
        Unstorable: it can be neither taken nor kept.
        BadEvent: it does not validate; the path is ``event``, ``userId``, ``properties.price``, ...
    """
    if not isinstance(call, dict):
        raise Unstorable("call", "must be an object")
    sent, (call, unfit) = call, _fit(present(call))
    size = json_size(call)
    if largest is not None and size > largest:
        raise Unstorable("call", f"is larger than {largest >> 10} KB")
    if call.get("type") == "track":
        ends = known.role(event_of(call, known)).ends
        envelope = read_envelope(call, received_at, sent_at=sent_at, ends=ends, within=within)
        track = _track(call, envelope, known, is_large=size > LARGEST)
        kept = as_sent(sent["event"], sent.get("properties"), track.name, track.properties)
        return replace(track, as_sent=kept, notes=few([*unfit, *track.notes]))
    envelope = read_envelope(call, received_at, sent_at=sent_at)
    match call.get("type"):
        case "identify":
            return read_identity(
                traits_of(call),
                customer_id=envelope.customer_id,
                message_id=envelope.message_id,
                at=envelope.at,
                received_at=envelope.received_at,
                context=context if isinstance(context := call.get("context"), dict) else {},
                sure=envelope.sure,
                dated=envelope.dated,
                notes=envelope.notes,
            )
        case "alias":
            return _alias(envelope)
        case "delete" if deletes:
            why = str(call.get("why", ""))
            return Erasure(envelope.customer_id, envelope.message_id, envelope.at, why)
        case "errand" if deletes:
            return Errand(envelope.customer_id, envelope.message_id, str(call["subject"]))
        case kind if kind in TYPES:
            return Ignored(envelope.customer_id)
        case None:
            raise BadEvent("type", "is missing: track, identify or alias")
        case kind:
            raise BadEvent("type", f"{kind!r} is not a call: track, identify or alias")


def event_of(call: object, known: Events) -> str:
    """Return the known event that a ``track`` call names, by whatever name; else an empty text."""
    name = call.get("event") if isinstance(call, dict) and call.get("type") == "track" else None
    if not isinstance(name, str):
        return ""
    name = known.known_as(name)
    return name if name in known else ""


def _fit(call: dict[str, Any]) -> tuple[dict[str, Any], list[Note]]:
    """Return a call that can be stored, and what had to be left out of an event for that.

    Raises:
        Unstorable: what had to be left out is more than decoration.
    """
    if call.get("type") == "identify":  # its traits are checked one by one, and nothing else stays
        return call, []
    if call.get("type") != "track":
        check_storable(call)
        return call, []
    check_storable({name: value for name, value in call.items() if name in ENVELOPE_FIELDS})
    notes: list[Note] = []
    fit: dict[str, Any] = {}
    for name, value in call.items():
        if name in ENVELOPE_FIELDS or (name == "properties" and not isinstance(value, dict)):
            fit[name] = value  # judged for what it is, not left out
        elif storable_text(name) == name:
            fit[name], found = storable_part(value, name)
            notes += found
        else:
            notes.append(left_out("call", "a name in it cannot be stored"))
    return fit, notes


def _track(call: Mapping[str, Any], envelope: Envelope, known: Events, *, is_large: bool) -> Track:
    named = call.get("event")
    if not isinstance(named, str):
        raise BadEvent("event", "must name the event")
    name = known.known_as(read_identifier("event", named))
    if name in WRITTEN_HERE:
        instead = _INSTEAD.get(name, "`sojourn stop` ends a run")
        raise BadEvent("event", f'"{name}" is written by Sojourn alone; {instead}')
    given = call.get("properties")
    properties = given if isinstance(given, dict) else {}  # else of an event that ends runs
    if is_large:  # else there is no need to measure a part of it
        check_json("properties", properties)
    understood = known.understand(
        name,
        properties,
        {
            "message_id": envelope.message_id,
            "customer_id": envelope.customer_id,
            "occurred_at": envelope.at,
        },
    )
    event = understood.event
    notes = (*envelope.notes, *understood.notes, *notes_on(name, event, properties, known))
    return Track(
        name,
        understood.properties,
        event,
        also=_also(envelope),
        notes=notes,
        device=read_device(call.get("context"), name),
    )


def _also(envelope: Envelope) -> tuple[str, ...]:
    """Return the ids that a call has beside the customer's own."""
    anonymous = envelope.ids.get("anonymousId")
    return (anonymous,) if anonymous and anonymous != envelope.customer_id else ()


def _alias(envelope: Envelope) -> Alias:
    if "userId" not in envelope.ids:
        raise BadEvent("userId", "is missing: an alias names who it is from now on")
    if "previousId" not in envelope.ids:
        raise BadEvent("previousId", "is missing")
    return Alias(
        previous_id=envelope.ids["previousId"],
        customer_id=envelope.customer_id,
        message_id=envelope.message_id,
        at=envelope.at,
    )
