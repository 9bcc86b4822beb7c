"""What providers tell of a message after they took it: delivered, bounced, clicked, replied.

The vocabulary is that of django-anymail, whose kinds cover what the providers tell.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sojourn.domain import text
from sojourn.domain.events import EARLIEST
from sojourn.domain.messages import Channel

LONGEST_EVENT_ID = 200
_LONGEST = {
    "reference": 200,
    "provider_id": 500,
    "address": 1000,
    "detail": 500,
    "url": 2000,
    "text": 10_000,
}


class Kind(StrEnum):
    """What happened to a message."""

    ACCEPTED = "accepted"
    """The provider has it. Says that it was sent, if the answer to our request was lost."""
    DEFERRED = "deferred"
    """The recipient's side does not take it yet; the provider goes on trying."""
    DELIVERED = "delivered"
    FAILED = "failed"
    """The provider gave up, or dropped it, for no fault of the address."""
    BOUNCED = "bounced"
    """The recipient's side refuses it. `Report.hard` tells whether it will for ever."""
    OPENED = "opened"
    READ = "read"
    CLICKED = "clicked"
    UNSUBSCRIBED = "unsubscribed"
    COMPLAINED = "complained"
    REPLIED = "replied"


PROGRESS = {kind: n for n, kind in enumerate(Kind)}
"""How far a message has come: a status only moves forward, whatever order reports arrive in."""


@dataclass(frozen=True)
class Report:
    """One thing that a provider tells of one message.

    Args:
        event_id: the provider's id of this report; the same id twice is the same report twice.
            Where the provider gives none, made of what makes it one: message id and status.
        kind: what happened.
        at: when.
        channel: of the message.
        reference: our own id of the message (`reference`), if it came back; else empty.
        provider_id: the provider's id of the message; may be empty.
        address: whom it was for; of a reply, whom it is from.
        hard: of a bounce or failure: the address will never take a message, so it is suppressed.
        detail: what the provider says of it.
        url: of a click.
        text: of a reply. Somebody's own words: kept in the store, never in Temporal.
    """

    event_id: str
    kind: Kind
    at: datetime
    channel: Channel
    reference: str = ""
    provider_id: str = ""
    address: str = ""
    hard: bool = False
    detail: str = ""
    url: str = ""
    text: str = ""


def reference(ledger_key: str) -> str:
    """Our own id of a message as providers get it: 32 hex digits, the same in every attempt.

    Ledger keys name the customer and can be longer than metadata, callback URLs and idempotency
    keys may be.
    """
    return text.digest(ledger_key)[:32]


def writable(report: Report, received_at: datetime) -> Report:
    """The same report as every database takes it, whatever a provider or a customer wrote.

    NUL characters and halves of surrogate pairs become question marks, what is too long is cut, and
    a moment lies neither before 1970 nor after the webhook.
    """
    texts: dict[str, Any] = {
        name: text.writable(getattr(report, name), limit) for name, limit in _LONGEST.items()
    }
    event_id = text.bounded(text.writable(report.event_id), LONGEST_EVENT_ID)
    at = min(max(report.at, EARLIEST), received_at)
    return replace(report, event_id=event_id, at=at, **texts)
