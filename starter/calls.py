"""Recorded calls of Segment's tracking API: one JSON object a line, plain or gzipped.

https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/ describes them.
``identify`` makes or updates a customer, ``track`` is an event, the others are read and ignored.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from pydantic import TypeAdapter, ValidationError

from dispatch import Published, Sojourn
from domain.customer import Identity, read_identity
from domain.errors import BadEvent
from domain.events import (
    Identifier,
    Moment,
    UnknownEvent,
    check_track,
    known_events,
    read_event,
)
from starter.feeding import opened

OTHER_TYPES = ("page", "screen", "group", "alias")
_MOMENT = TypeAdapter(Moment)
_IDENTIFIER = TypeAdapter(Identifier)


@dataclass(frozen=True)
class Track:
    """A ``track`` call that validates."""

    name: str
    properties: dict[str, Any]
    message_id: str
    customer_id: str
    at: datetime

    async def into(self, sojourn: Sojourn) -> Published:
        """Publish it."""
        return await sojourn.track(
            self.name,
            self.properties,
            message_id=self.message_id,
            customer_id=self.customer_id,
            occurred_at=self.at,
        )


@dataclass(frozen=True)
class Fault:
    """A line that cannot be taken, and why."""

    line: int
    reason: str
    is_event: bool


@dataclass(frozen=True)
class Ignored:
    """A call that nothing here listens to."""


Call = Track | Identity | Ignored | Fault


def read_calls(path: Path) -> Iterator[Call]:
    """Every call in a file; ``-`` is standard input. A bad line is a `Fault`, not an error.

    Raises:
        BadInput: the file cannot be read.
    """
    for _, call in numbered_calls(path):
        yield call


def numbered_calls(path: Path) -> Iterator[tuple[int, Call]]:
    """Every call in a file with the number of its line, as `read_calls`."""
    with opened(path) as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, _call(number, line)


def _call(number: int, line: bytes) -> Call:
    is_event = True  # what cannot be told apart is taken for what it most likely was
    try:
        try:
            call = json.loads(line, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise BadEvent("line", f"is no JSON: {error}") from None
        if not isinstance(call, dict):
            raise BadEvent("line", "is no JSON object")
        is_event = call.get("type") == "track"
        return _read(call)
    except BadEvent as error:
        return Fault(number, str(error), is_event)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _read(call: dict[str, Any]) -> Call:
    match call.get("type"):
        case "track":
            return _track(call)
        case "identify":
            return read_identity(
                _object(call, "traits"),
                customer_id=_identifier(call, "userId"),
                message_id=_identifier(call, "messageId"),
                at=_moment(call),
            )
        case kind if kind in OTHER_TYPES:
            return Ignored()
        case None:
            raise BadEvent("type", "is missing: track or identify")
        case kind:
            raise BadEvent("type", f"{kind!r} is no call: track or identify")


def _track(call: dict[str, Any]) -> Track:
    name = call.get("event")
    if not isinstance(name, str) or not name:
        raise BadEvent("event", "must name the event")
    track = Track(
        name=name,
        properties=_object(call, "properties"),
        message_id=_identifier(call, "messageId"),
        customer_id=_identifier(call, "userId"),
        at=_moment(call),
    )
    check_track(track.name, track.properties)
    read_event(
        known_events().get(name, UnknownEvent),
        track.properties,
        message_id=track.message_id,
        customer_id=track.customer_id,
        at=track.at,
    )
    return track


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
