"""The envelope of a call: one customer, one message id, one moment by our clock.

https://segment.com/docs/connections/spec/common/ describes the fields, and what a server makes of
those that a sender leaves out. Empty text is absent, in every field.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sojourn.domain.errors import BadEvent
from sojourn.domain.events import EARLIEST, LATEST
from sojourn.domain.notes import Note, left_out
from sojourn.domain.ordering import CLOCK_SKEW
from sojourn.domain.reading import read_identifier, read_moment

_IDS = ("messageId", "userId", "anonymousId", "previousId")
OBJECTS = ("properties", "traits", "context", "integrations")
_CONTENT = ("type", "event", "userId", "anonymousId", "previousId", "properties")
_HAPPENED = ("timestamp", "originalTimestamp")
_MOMENTS = ("timestamp", "originalTimestamp", "sentAt")
ENVELOPE_FIELDS = (*_IDS, *_MOMENTS, "type", "event", "receivedAt")
"""The fields that tell what a call is, whose and when."""

TRANSIT = timedelta(hours=1)
"""The longest that a call may be on its way. A sender's clock that is further behind is wrong."""


@dataclass(frozen=True)
class Envelope:
    """The fields that all calls share, as dispatch uses them.

    Args:
        customer_id: the ``userId``. The anonymous id stands in for it until an alias joins the two.
        message_id: the sender's own. Without one it is made of the call's content if the call says
            when it happened, so that the same call sent again is the same call; else it is random,
            for two equal calls may be two. That of an ``identify`` is always made of its content.
        at: when it happened, by our clock: a sender's clock that is certainly wrong is set right by
            the moment of arrival.
        ids: every id that the call names, as text.
        received_at: when it arrived, by our clock; a file tells that itself.
        sure: the sender told an id or a moment. Without both, an equal call may be the same one.
        dated: False for an ``identify`` that tells a moment which cannot be read; its arrival
            stands in for it.
        notes: the fields that could not be read and that nobody needs.
    """

    customer_id: str
    message_id: str
    at: datetime
    ids: Mapping[str, str]
    received_at: datetime
    sure: bool
    dated: bool = True
    notes: tuple[Note, ...] = ()


def present(call: Mapping[str, Any]) -> dict[str, Any]:
    """Return a call without the empty fields of its envelope.

    Empty text is absent: RudderStack's SDK for browsers sends ``userId: ""`` until somebody logs
    in. An empty list is an empty object: PHP writes the two alike.
    """
    found = dict(call)
    for field in ENVELOPE_FIELDS:
        value = found.get(field)
        if isinstance(value, str) and not value.strip():
            del found[field]
    for field in OBJECTS:
        value = found.get(field)
        if isinstance(value, str) and not value.strip():
            del found[field]
        elif value == []:
            found[field] = {}
    return found


def read_envelope(
    call: Mapping[str, Any],
    received_at: datetime | None = None,
    *,
    sent_at: datetime | None = None,
    ends: bool = False,
    within: timedelta = CLOCK_SKEW,
) -> Envelope:
    """Read the fields that all calls share.

    Args:
        call: as it was sent.
        received_at: when it arrived. None for a call out of a file, which tells its arrival itself:
            by ``receivedAt``, else by ``sentAt``; one that tells neither arrives now.
        sent_at: when the call's batch was sent, by the sender's clock; a ``sentAt`` of the call
            itself outweighs it.
        ends: the call is an event that ends runs. It is refused for no field but the customer, and
            it happened as late as it may have: a message must not outlive it.
        within: how far senders' clocks may differ.

    Returns:
        The envelope, every field of it valid.

    Raises:
        BadEvent: a field does not validate; the path names it.
    """
    reading = _Reading(present(call), ends=ends)
    ids = reading.ids()
    customer_id = ids.get("userId") or ids.get("anonymousId")
    if customer_id is None:
        raise BadEvent("userId", "is missing: a call needs userId or anonymousId")
    moments = {} if sent_at is None else {"sentAt": sent_at}
    moments |= reading.moments()
    late = min(within, TRANSIT) if ends else TRANSIT
    at = _moment(reading.call, moments, received_at, late=late)
    return Envelope(
        customer_id=customer_id,
        message_id=ids.get("messageId") or _made_id(reading.call, moments),
        at=at,
        ids=ids,
        received_at=received_at or _arrival_in_file(reading.call, moments, at),
        dated=not reading.is_undated or _happened(moments) is not None,
        sure=reading.call.get("messageId") is not None or _happened(moments) is not None,
        notes=tuple(reading.notes),
    )


class _Reading:
    """A call whose envelope is being read, and what had to be left out of it."""

    def __init__(self, call: Mapping[str, Any], *, ends: bool) -> None:
        self.call = call
        self.notes: list[Note] = []
        self._ends = ends
        self._identifies = call.get("type") == "identify"
        for field in OBJECTS:
            if not isinstance(call.get(field), dict | None):
                self._miss(BadEvent(field, "must be an object"), needed=self._holds(field))

    def ids(self) -> dict[str, str]:
        """Return the ids that can be read; a missing message id is made later."""
        found: dict[str, str] = {}
        for field in _IDS:
            if self.call.get(field) is None:
                continue
            try:
                found[field] = read_identifier(field, self.call[field])
            except BadEvent as error:
                self._miss(error, needed=self._needs(field))
        return found

    def _needs(self, field: str) -> bool:
        match field:
            case "messageId":
                return False  # an id is made of it
            case "anonymousId":
                return self.call.get("userId") is None
            case "previousId":
                return self.call.get("type") == "alias"
        return True

    def moments(self) -> dict[str, datetime]:
        """Return the moments that can be read. Nobody needs to know when a call was sent."""
        found: dict[str, datetime] = {}
        for field in _MOMENTS:
            if self.call.get(field) is None:
                continue
            try:
                found[field] = read_moment(field, self.call[field])
            except BadEvent as error:
                needed = field != "sentAt" and not self._ends and not self._identifies
                self._miss(error, needed=needed)
        return found

    @property
    def is_undated(self) -> bool:
        """True for an ``identify`` with a moment that cannot be read: its words still count."""
        return self._identifies and any(note.path in _HAPPENED for note in self.notes)

    def _holds(self, field: str) -> bool:
        """Tell whether an object of the call says something that must not be lost."""
        if field == "properties":
            return not self._ends
        return field == "traits" and self._identifies

    def _miss(self, error: BadEvent, *, needed: bool) -> None:
        if needed:
            raise error
        self.notes.append(left_out(error.path, error.reason))


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
        BadEvent: the traits in the context are not an object.
    """
    given = call.get("traits")
    traits: dict[str, Any] = given if isinstance(given, dict) else {}
    context = call.get("context")
    inner = context.get("traits") if isinstance(context, dict) else None
    # in the context of other calls they say who it was, and change nothing
    if call.get("type") != "identify" or traits or inner in (None, "", []):
        return traits
    if not isinstance(inner, dict):
        raise BadEvent("context.traits", "must be an object")
    return inner


def _moment(
    call: Mapping[str, Any],
    moments: Mapping[str, datetime],
    received_at: datetime | None,
    *,
    late: timedelta,
) -> datetime:
    """Return when it happened, by our clock.

    The time that a call was on its way is not an error of its sender's clock. The clock is
    corrected only where it is certainly wrong: it is ahead of ours, or further behind than transit
    explains.
    """
    sent_at = moments.get("sentAt")
    if sent_at is None and (told := _told(moments)):
        return told
    arrived = received_at or _arrival(call, moments)
    happened = _happened(moments)
    if sent_at is None or happened is None:
        return arrived
    behind = arrived - sent_at
    # Between the two limits nobody knows whether the clock is wrong or the call was held up. An
    # event that ends a run then counts as late as it may be, any other as early.
    if timedelta(0) <= behind <= late:
        return min(_told(moments) or happened, arrived)
    # both are by the sender's clock: its error falls out of their difference
    at = arrived - (sent_at - happened)
    return at if EARLIEST <= at < LATEST else arrived  # such a clock says nothing


def _arrival(call: Mapping[str, Any], moments: Mapping[str, datetime]) -> datetime:
    given = call.get("receivedAt")
    if given is not None:
        return read_moment("receivedAt", given)
    return moments.get("sentAt") or datetime.now(UTC)


def _arrival_in_file(
    call: Mapping[str, Any], moments: Mapping[str, datetime], at: datetime
) -> datetime:
    """Return when a call out of a file arrived once, as far as the file tells."""
    try:
        return _arrival(call, moments) if call.get("receivedAt") is not None else moments["sentAt"]
    except (BadEvent, KeyError):
        return at


def _happened(moments: Mapping[str, datetime]) -> datetime | None:
    return moments.get("originalTimestamp") or moments.get("timestamp")


def _told(moments: Mapping[str, datetime]) -> datetime | None:
    # a forwarder sets ``timestamp`` right, and leaves the sender's own word in the other
    return moments.get("timestamp") or moments.get("originalTimestamp")


def _made_id(call: Mapping[str, Any], moments: Mapping[str, datetime]) -> str:
    happened = _happened(moments)
    if call.get("messageId") is not None:  # one that cannot be read still tells calls apart
        return _digest([call["messageId"]])
    if happened is None and call.get("type") != "identify":
        return str(uuid4())
    content = [happened and happened.isoformat(), *(call.get(field) for field in _CONTENT)]
    content.append(traits_of(call) or call.get("traits"))
    return _digest(content)


def _digest(content: list[Any]) -> str:
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return f"made-{digest[:32]}"
