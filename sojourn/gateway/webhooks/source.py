"""What a source of webhooks is: it knows its senders' signatures, and what their requests mean.

A source makes calls of the tracking API out of a verified request. The helpers here write them.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sojourn.domain.events import LONGEST_ID

Call = dict[str, Any]
"""One call of the tracking API: ``{"type": "track", "event": "Order Completed", ...}``."""


@dataclass(frozen=True)
class SignedRequest:
    """A webhook's request.

    Args:
        headers: by lower-case name.
        body: as it came, not a byte changed.
        received_at: when it came.
    """

    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


@dataclass(frozen=True)
class Nothing:
    """A request that means nothing to us, and why: answered as taken, or shops stop sending."""

    reason: str


class Source(Protocol):
    """One sender of webhooks."""

    @property
    def name(self) -> str:
        """Stands in ids, in logs and in the quarantine."""

    def calls(self, request: SignedRequest) -> Sequence[Call] | Nothing:
        """Verify a request and say what it means.

        Raises:
            BadSignature: it was not signed with the secret. Nothing of it was read.
            BadEvent: it does not say what it should; the path names the field.
        """


def track(
    event: str, *, user: str, message_id: str, at: datetime, properties: Mapping[str, Any]
) -> Call:
    """A ``track`` call; properties that are None are left out."""
    return {
        "type": "track",
        "event": event,
        "userId": user,
        "messageId": message_id,
        "timestamp": at.isoformat(),
        "properties": present(properties),
    }


def identify(*, user: str, message_id: str, at: datetime, traits: Mapping[str, Any]) -> Call:
    """An ``identify`` call; traits that are None are left out."""
    return {
        "type": "identify",
        "userId": user,
        "messageId": message_id,
        "timestamp": at.isoformat(),
        "traits": present(traits),
    }


def present(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are there."""
    return {name: value for name, value in values.items() if value is not None}


def made_id(*parts: object) -> str:
    """An id of what it is about: the same again for the same thing, also when it is sent again."""
    told = "/".join(part.isoformat() if isinstance(part, datetime) else str(part) for part in parts)
    if len(told) <= LONGEST_ID:
        return told
    return f"{told[:100]}/{digest(told)}"


def digest(text: str) -> str:
    """Tells texts apart without telling what they are."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]
