"""One call of Segment's tracking API, read: an event, an identity, or nothing that concerns us.

https://segment.com/docs/connections/spec/common/ describes the fields. ``identify`` makes or
updates a customer, ``track`` is an event, ``alias`` joins two customers, the others are ignored.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from sojourn.dispatch.client import Sojourn
from sojourn.dispatch.published import Published
from sojourn.domain.customer import Identity, read_identity
from sojourn.domain.errors import BadEvent
from sojourn.domain.events import (
    SHIPPED,
    Event,
    Events,
    Identifier,
    Moment,
    UnknownEvent,
    check_track,
    read_event,
)

OTHER_TYPES = ("page", "screen", "group")
_MOMENT = TypeAdapter(Moment)
_IDENTIFIER = TypeAdapter(Identifier)


@dataclass(frozen=True)
class Track:
    """A ``track`` call that validates.

    Args:
        name: of the event; any, as long as it is text.
        properties: as they were sent.
        event: the same, typed.
    """

    name: str
    properties: dict[str, Any]
    event: Event

    @property
    def message_id(self) -> str:
        """The call's own id."""
        return self.event.message_id

    @property
    def customer_id(self) -> str:
        """Who did it."""
        return self.event.customer_id

    @property
    def at(self) -> datetime:
        """When it happened."""
        return self.event.occurred_at

    async def into(self, sojourn: Sojourn, *, ask: bool = False) -> Published:
        """Publish it; ``ask`` the runs what it did, if somebody wants to know."""
        return await sojourn.take(self.event, self.name, self.properties, ask=ask)


@dataclass(frozen=True)
class Alias:
    """An ``alias`` call that validates: two ids are one person.

    Args:
        previous_id: the id that is given up; it stays as a pointer.
        customer_id: the id that everything follows to.
        message_id: the call's own id.
        at: when it was said.
    """

    previous_id: str
    customer_id: str
    message_id: str
    at: datetime


@dataclass(frozen=True)
class Ignored:
    """A call that nothing here listens to."""


Read = Track | Identity | Alias | Ignored


def read_call(call: dict[str, Any], known: Events = SHIPPED) -> Read:
    """Read one call; its ``type`` says which.

    Raises:
        BadEvent: it does not validate; the path is ``event``, ``userId``, ``properties.price``, ...
    """
    match call.get("type"):
        case "track":
            return _track(call, known)
        case "identify":
            return read_identity(
                _object(call, "traits"),
                customer_id=_identifier(call, "userId"),
                message_id=_identifier(call, "messageId"),
                at=_moment(call),
            )
        case "alias":
            return Alias(
                previous_id=_identifier(call, "previousId"),
                customer_id=_identifier(call, "userId"),
                message_id=_identifier(call, "messageId"),
                at=_moment(call),
            )
        case kind if kind in OTHER_TYPES:
            return Ignored()
        case None:
            raise BadEvent("type", "is missing: track, identify or alias")
        case kind:
            raise BadEvent("type", f"{kind!r} is no call: track, identify or alias")


def _track(call: dict[str, Any], known: Events) -> Track:
    name = call.get("event")
    if not isinstance(name, str) or not name:
        raise BadEvent("event", "must name the event")
    properties = _object(call, "properties")
    message_id, customer_id = _identifier(call, "messageId"), _identifier(call, "userId")
    at = _moment(call)
    check_track(name, properties)
    event = read_event(
        known.get(name, UnknownEvent),
        properties,
        message_id=message_id,
        customer_id=customer_id,
        at=at,
    )
    return Track(name, properties, event)


def _object(call: dict[str, Any], field: str) -> dict[str, Any]:
    value = call.get(field)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadEvent(field, "must be an object")
    return value


def _identifier(call: dict[str, Any], field: str) -> str:
    if call.get(field) is None:
        if field == "userId" and call.get("anonymousId") is not None:
            raise BadEvent(field, "is missing, and anonymousId alone names nobody: identify first")
        raise BadEvent(field, "is missing")
    try:
        return _IDENTIFIER.validate_python(call[field])
    except ValidationError as error:
        raise BadEvent(field, _reason(error)) from None


def _moment(call: dict[str, Any]) -> datetime:
    for field in ("timestamp", "originalTimestamp", "sentAt"):
        if call.get(field) is not None:
            try:
                return _MOMENT.validate_python(call[field])
            except ValidationError as error:
                raise BadEvent(field, _reason(error)) from None
    return datetime.now(UTC)


def _reason(error: ValidationError) -> str:
    reason = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
    return reason[:1].lower() + reason[1:]
