"""The one reader of calls: what a call of Segment's tracking API means is decided here.

The gateway, files, replays and the quarantine all read by it.
https://segment.com/docs/connections/spec/common/ describes the fields. ``identify`` makes or
updates a customer, ``track`` is an event, ``alias`` joins two customers, the others are ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sojourn.dispatch.client import Sojourn
from sojourn.dispatch.envelope import Envelope, read_envelope, traits_of
from sojourn.dispatch.published import Published
from sojourn.domain.alias import Alias
from sojourn.domain.customer import Identity, read_identity
from sojourn.domain.errors import BadEvent
from sojourn.domain.events import (
    LARGEST,
    SHIPPED,
    Event,
    Events,
    UnknownEvent,
    check_json,
    read_event,
)
from sojourn.domain.reading import read_identifier
from sojourn.domain.storable import Unstorable, check_storable, json_size

TYPES = ("identify", "track", "page", "screen", "group", "alias")


@dataclass(frozen=True)
class Track:
    """A ``track`` call that validates.

    Args:
        name: of the event; any, as long as it is text.
        properties: as they were sent.
        event: the same, typed.
        also: the other ids that the call has.
    """

    name: str
    properties: dict[str, Any]
    event: Event
    also: tuple[str, ...] = ()

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
            What became of the event.
        """
        return await sojourn.take(
            self.event, self.name, self.properties, ask=ask, wait=wait, also=self.also
        )


@dataclass(frozen=True)
class Ignored:
    """A call that validates, and that nothing here listens to."""

    customer_id: str


Read = Track | Identity | Alias | Ignored


def read_call(
    call: object,
    known: Events = SHIPPED,
    *,
    received_at: datetime | None = None,
    sent_at: datetime | None = None,
    largest: int | None = None,
) -> Read:
    """Read one call; its ``type`` says which.

    Args:
        call: parsed JSON, as it was sent.
        known: the events of the project.
        received_at: when it arrived. None for a call out of a file, which tells that itself.
        sent_at: when the call's batch was sent, by the sender's clock.
        largest: size of the call as compact JSON, in bytes, at most; None: only the limit of an
            event's properties holds.

    Returns:
        The call's meaning: every field of it is valid, and can be stored.

    Raises:
        Unstorable: it can be neither taken nor kept.
        BadEvent: it does not validate; the path is ``event``, ``userId``, ``properties.price``, ...
    """
    if not isinstance(call, dict):
        raise Unstorable("call", "must be an object")
    check_storable(call)
    size = json_size(call)
    if largest is not None and size > largest:
        raise Unstorable("call", f"is larger than {largest >> 10} KB")
    envelope = read_envelope(call, received_at, sent_at=sent_at)
    match call.get("type"):
        case "track":
            return _track(call, envelope, known, size)
        case "identify":
            return read_identity(
                traits_of(call),
                customer_id=envelope.customer_id,
                message_id=envelope.message_id,
                at=envelope.at,
            )
        case "alias":
            return _alias(envelope)
        case kind if kind in TYPES:
            return Ignored(envelope.customer_id)
        case None:
            raise BadEvent("type", "is missing: track, identify or alias")
        case kind:
            raise BadEvent("type", f"{kind!r} is no call: track, identify or alias")


def _track(call: Mapping[str, Any], envelope: Envelope, known: Events, size: int) -> Track:
    name = call.get("event")
    if not isinstance(name, str) or not name:
        raise BadEvent("event", "must name the event")
    read_identifier("event", name)
    properties = call.get("properties") or {}
    if size > LARGEST:  # else there is no need to measure a part of it
        check_json("properties", properties)
    event = read_event(
        known.get(name, UnknownEvent),
        properties,
        message_id=envelope.message_id,
        customer_id=envelope.customer_id,
        at=envelope.at,
    )
    return Track(name, properties, event, also=_also(envelope))


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
