"""A call as dispatch reads it: one customer, one message id, one moment by our clock.

https://segment.com/docs/connections/spec/common/ says what a server makes of a sender's fields.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError

from sojourn.domain.errors import BadEvent
from sojourn.domain.events import EARLIEST, LATEST, Identifier, Moment

_IDENTIFIER: Final = TypeAdapter[str](Identifier)
_MOMENT: Final = TypeAdapter[datetime](Moment)
_IDS = ("messageId", "userId", "anonymousId", "previousId")
_OBJECTS = ("properties", "traits", "context", "integrations")
_SAID = ("type", "event", "userId", "anonymousId", "previousId", "properties", "traits")
_MOMENTS = ("timestamp", "originalTimestamp", "sentAt")


def corrected(
    call: Mapping[str, Any], received_at: datetime, *, sent_at: datetime | None = None
) -> dict[str, Any]:
    """Fill in what the specification lets senders leave out, and set the moment right.

    - ``userId``: the anonymous id stands in for it; a later ``alias`` joins the two.
    - ``messageId``: made of the call's content if it says when it happened, so that the same call
      sent again is the same call; else random, for two alike may be two.
    - ``timestamp``: by our clock, if the sender tells by its own when the call was sent.
    - ``traits`` of an ``identify``: RudderStack's SDKs put them into ``context``.

    Args:
        call: as it was sent.
        received_at: when it came.
        sent_at: when its batch was sent, by the sender's clock.

    Raises:
        BadEvent: a field of the envelope does not validate.
    """
    for field in _OBJECTS:
        if not isinstance(call.get(field), dict | None):
            raise BadEvent(field, "must be an object")
    call = _with_traits(call)
    ids = {field: _identifier(field, call[field]) for field in _IDS if call.get(field) is not None}
    who = ids.get("userId") or ids.get("anonymousId")
    if who is None:
        raise BadEvent("userId", "is missing: a call needs userId or anonymousId")
    if call.get("type") == "alias" and "userId" not in ids:
        raise BadEvent("userId", "is missing: an alias names who it is from now on")
    moments = {
        field: read_moment(field, call[field]) for field in _MOMENTS if call.get(field) is not None
    }
    at = _moment(moments, received_at, sent_at)
    return {
        **call,
        **ids,
        "userId": who,
        "messageId": ids.get("messageId") or _made_id(call, moments),
        "timestamp": at.isoformat(),
    }


def read_moment(field: str, value: object) -> datetime:
    """An instant of a call.

    Raises:
        BadEvent: it is none, or absurd.
    """
    try:
        return _MOMENT.validate_python(value)
    except ValidationError as error:
        raise BadEvent(field, _reason(error)) from None


def _with_traits(call: Mapping[str, Any]) -> Mapping[str, Any]:
    traits = (call.get("context") or {}).get("traits")
    if call.get("type") != "identify" or call.get("traits") or traits is None:
        return call  # in the context of other calls they say who it was, and change nothing
    if not isinstance(traits, dict):
        raise BadEvent("context.traits", "must be an object")
    return {**call, "traits": traits}


def _identifier(field: str, value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # the SDKs make text of numbers; so do we for those who use none
    try:
        return _IDENTIFIER.validate_python(value)
    except ValidationError as error:
        raise BadEvent(field, _reason(error)) from None


def _moment(
    moments: Mapping[str, datetime], received_at: datetime, sent_at: datetime | None
) -> datetime:
    sent_at = moments.get("sentAt", sent_at)
    if sent_at is None:
        return moments.get("timestamp") or moments.get("originalTimestamp") or received_at
    happened = moments.get("originalTimestamp") or moments.get("timestamp")
    if happened is None:
        return received_at
    # both by the sender's clock: what it is wrong by falls out of their difference
    at = received_at - (sent_at - happened)
    return at if EARLIEST <= at < LATEST else received_at  # a clock that says nothing


def _made_id(call: Mapping[str, Any], moments: Mapping[str, datetime]) -> str:
    happened = moments.get("originalTimestamp") or moments.get("timestamp")
    if happened is None:
        return str(uuid4())
    said = [happened.isoformat(), *(call.get(field) for field in _SAID)]
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    return f"made-{digest[:32]}"


def _reason(error: ValidationError) -> str:
    reason = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
    return reason[:1].lower() + reason[1:]
