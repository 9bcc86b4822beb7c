"""The envelope of a call: one customer, one message id, one moment by our clock.

https://segment.com/docs/connections/spec/common/ describes the fields, and what a server makes of
those that a sender leaves out.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sojourn.domain.errors import BadEvent
from sojourn.domain.events import EARLIEST, LATEST
from sojourn.domain.reading import read_identifier, read_moment

_IDS = ("messageId", "userId", "anonymousId", "previousId")
_OBJECTS = ("properties", "traits", "context", "integrations")
_CONTENT = ("type", "event", "userId", "anonymousId", "previousId", "properties")
_MOMENTS = ("timestamp", "originalTimestamp", "sentAt")


@dataclass(frozen=True)
class Envelope:
    """The fields that all calls share, as dispatch uses them.

    Args:
        customer_id: the ``userId``. The anonymous id stands in for it until an alias joins the two.
        message_id: the sender's own. Without one it is made of the call's content if the call says
            when it happened, so that the same call sent again is the same call; else it is random,
            for two equal calls may be two.
        at: when it happened, by our clock: a sender that says when it sent the call has its own
            clock set right by the moment of arrival.
        ids: every id that the call names, as text.
    """

    customer_id: str
    message_id: str
    at: datetime
    ids: Mapping[str, str]


def read_envelope(
    call: Mapping[str, Any],
    received_at: datetime | None = None,
    *,
    sent_at: datetime | None = None,
) -> Envelope:
    """Read the fields that all calls share.

    Args:
        call: as it was sent.
        received_at: when it arrived. None for a call out of a file, which tells its arrival itself:
            by ``receivedAt``, else by ``sentAt``; one that tells neither arrives now.
        sent_at: when the call's batch was sent, by the sender's clock; a ``sentAt`` of the call
            itself outweighs it.

    Returns:
        The envelope, every field of it valid.

    Raises:
        BadEvent: a field does not validate; the path names it.
    """
    for field in _OBJECTS:
        if not isinstance(call.get(field), dict | None):
            raise BadEvent(field, "must be an object")
    ids = {
        field: read_identifier(field, call[field]) for field in _IDS if call.get(field) is not None
    }
    customer_id = ids.get("userId") or ids.get("anonymousId")
    if customer_id is None:
        raise BadEvent("userId", "is missing: a call needs userId or anonymousId")
    moments = {} if sent_at is None else {"sentAt": sent_at}
    for field in _MOMENTS:
        if call.get(field) is not None:
            moments[field] = read_moment(field, call[field])
    return Envelope(
        customer_id=customer_id,
        message_id=ids.get("messageId") or _made_id(call, moments),
        at=_moment(call, moments, received_at),
        ids=ids,
    )


def settled(call: Mapping[str, Any], envelope: Envelope) -> dict[str, Any]:
    """Return a call with its envelope written into it: it can be read later, and means the same.

    Args:
        call: as it was sent.
        envelope: read from it.

    Returns:
        A copy whose ids are text and whose ``timestamp`` is by our clock.
    """
    return {
        **call,
        **envelope.ids,
        "userId": envelope.customer_id,
        "messageId": envelope.message_id,
        "timestamp": envelope.at.isoformat(),
    }


def traits_of(call: Mapping[str, Any]) -> dict[str, Any]:
    """Return the traits of an ``identify``: RudderStack's SDKs put them into the context.

    Raises:
        BadEvent: the traits in the context are no object.
    """
    traits: dict[str, Any] = call.get("traits") or {}
    inner = (call.get("context") or {}).get("traits")
    # in the context of other calls they say who it was, and change nothing
    if call.get("type") != "identify" or traits or inner is None:
        return traits
    if not isinstance(inner, dict):
        raise BadEvent("context.traits", "must be an object")
    return inner


def _moment(
    call: Mapping[str, Any], moments: Mapping[str, datetime], received_at: datetime | None
) -> datetime:
    sent_at = moments.get("sentAt")
    if sent_at is None and (told := moments.get("timestamp") or moments.get("originalTimestamp")):
        return told
    arrived = received_at or _arrival(call, moments)
    happened = _happened(moments)
    if sent_at is None or happened is None:
        return arrived
    # both are by the sender's clock: its error falls out of their difference
    at = arrived - (sent_at - happened)
    return at if EARLIEST <= at < LATEST else arrived  # such a clock says nothing


def _arrival(call: Mapping[str, Any], moments: Mapping[str, datetime]) -> datetime:
    given = call.get("receivedAt")
    if given is not None:
        return read_moment("receivedAt", given)
    return moments.get("sentAt") or datetime.now(UTC)


def _happened(moments: Mapping[str, datetime]) -> datetime | None:
    return moments.get("originalTimestamp") or moments.get("timestamp")


def _made_id(call: Mapping[str, Any], moments: Mapping[str, datetime]) -> str:
    happened = _happened(moments)
    if happened is None:
        return str(uuid4())
    content = [happened.isoformat(), *(call.get(field) for field in _CONTENT)]
    content.append(traits_of(call) or call.get("traits"))
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return f"made-{digest[:32]}"
