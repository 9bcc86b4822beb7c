"""Read events from the calls that senders make."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from sojourn.domain.errors import BadEvent
from sojourn.domain.events.base import Event
from sojourn.domain.events.fields import Identifier
from sojourn.domain.storable import check_storable

LARGEST = 100_000
"""Bytes of an event's properties. Segment takes 32 kB; Temporal takes some 2 MB in one payload."""

_IDENTIFIER = TypeAdapter(Identifier)
_NUL = "\\u0000"


def read_event(
    event: type[Event],
    properties: Mapping[str, Any],
    *,
    message_id: str,
    customer_id: str,
    at: datetime | str,
) -> Event:
    """Make an event from a tracking call.

    Args:
        event: its class.
        properties: the fields that the call names.
        message_id: the call's own id.
        customer_id: whose event it is.
        at: the moment it happened; text as ISO 8601.

    Returns:
        The event.

    Raises:
        BadEvent: a field does not validate; its path is ``properties.price`` or ``userId``.
    """
    envelope = {"message_id": message_id, "customer_id": customer_id, "occurred_at": at}
    try:
        return event.model_validate({**properties, **envelope})
    except ValidationError as error:
        raise bad_event(error) from None


def check_track(name: str, properties: Mapping[str, Any]) -> None:
    """Check that every database can keep a tracking call, and that Temporal can carry it.

    Raises:
        BadEvent: its name or its properties cannot.
    """
    try:
        _IDENTIFIER.validate_python(name)
    except ValidationError as error:
        raise BadEvent("event", bad_event(error).reason) from None
    check_json("properties", properties)


def check_json(path: str, value: object) -> None:
    """Check that a value is JSON that every database can read, and at most `LARGEST` bytes of it.

    Raises:
        BadEvent: it is not.
    """
    try:
        written = json.dumps(value, allow_nan=False, ensure_ascii=False)
        size = len(written.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise BadEvent(path, f"is not JSON: {error}") from None
    if _NUL in written:  # or a text that only looks like it
        check_storable({path: value})
    if size > LARGEST:
        raise BadEvent(path, f"is {size} bytes of JSON; at most {LARGEST} are taken")


_WIRE = {"message_id": "messageId", "customer_id": "userId", "occurred_at": "timestamp"}


def bad_event(error: ValidationError, *, prefix: str = "properties") -> BadEvent:
    """Return the first fault that pydantic found, with the path that the sender knows it by."""
    fault = error.errors(include_url=False)[0]
    head, *rest = (str(part) for part in fault["loc"] or ("",))
    path = [_WIRE[head]] if head in _WIRE else [prefix, head]
    return BadEvent(".".join([*path, *rest]), reason(fault["msg"]))


def reason(message: str) -> str:
    """Return a message of pydantic's as the second half of a sentence."""
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]
