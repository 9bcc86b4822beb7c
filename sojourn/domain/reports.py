"""Reports: news that providers tell of a message after they took it: delivered, bounced, replied.

The kinds are those of django-anymail, which cover all that providers tell.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sojourn.domain import text
from sojourn.domain.events import EARLIEST
from sojourn.domain.messages import Channel
from sojourn.domain.stopping import Meaning

LONGEST_EVENT_ID = 200
LONGEST_AGENT = 300
_LONGEST = {
    "reference": 200,
    "provider_id": 500,
    "address": 1000,
    "detail": 500,
    "url": 2000,
    "text": 10_000,
}


class Kind(StrEnum):
    """A kind of news about a message."""

    ACCEPTED = "accepted"
    """The provider has it. This proves that it was sent, if the answer to our request was lost."""
    DEFERRED = "deferred"
    """The recipient's side does not take it yet; the provider goes on trying."""
    DELIVERED = "delivered"
    FAILED = "failed"
    """The provider gave up, or dropped it, for no fault of the address."""
    BOUNCED = "bounced"
    """The recipient's side refuses it. `Report.hard` tells whether it always will."""
    OPENED = "opened"
    READ = "read"
    CLICKED = "clicked"
    UNSUBSCRIBED = "unsubscribed"
    COMPLAINED = "complained"
    REPLIED = "replied"


PROGRESS = {kind: n for n, kind in enumerate(Kind)}
"""A message's progress only moves forward, in whatever order reports arrive."""


@dataclass(frozen=True)
class Report:
    """One thing that a provider tells of one message.

    Args:
        event_id: the provider's id of this report; the same id twice is the same report twice.
            A provider that gives no id gets one made of message id and status.
        kind: what happened.
        at: when it happened, by the provider's clock.
        channel: of the message.
        reference: our own id of the message (`reference`), if it came back; else empty.
        provider_id: the provider's id of the message; may be empty.
        address: the recipient's; for a reply, the sender's.
        hard: for a bounce or failure: the address never takes a message, so it is suppressed.
        detail: the provider's own words.
        url: for a click: where the link leads.
        text: for a reply: a person's own words, kept in the store, never in Temporal.
        meaning: for a reply: its wish.
        language: for a reply: of the command in it, if that is of one language alone.
        answered: the provider itself answers the command.
        agent: for an open or a click: its User-Agent; None: the provider does not tell it.
        network: likewise: the block of its address (`domain.measuring.hits.block_of`).
        said: likewise: why a machine was behind it, as the request or the provider itself says
            (`domain.measuring.hits.Machine`); empty: nothing is said.
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
    meaning: Meaning = Meaning.OTHER
    language: str = ""
    answered: bool = False
    agent: str | None = None
    network: str = ""
    said: str = ""


def reference(ledger_key: str) -> str:
    """Return our own id of a message as providers get it: 32 hex digits, the same in every attempt.

    A ledger key cannot be such an id: it names the customer, and can be too long for metadata,
    callback URLs and idempotency keys.
    """
    return text.digest(ledger_key)[:32]


def writable(report: Report, received_at: datetime) -> Report:
    """Return the same report as every database takes it.

    NUL characters and halves of surrogate pairs become question marks, long texts are cut, and the
    moment lies neither before 1970 nor after the webhook.
    """
    texts: dict[str, Any] = {
        name: text.writable(getattr(report, name), limit) for name, limit in _LONGEST.items()
    }
    event_id = text.bounded(text.writable(report.event_id), LONGEST_EVENT_ID)
    at = min(max(report.at, EARLIEST), received_at)
    if report.agent is not None:
        texts["agent"] = text.writable(report.agent, LONGEST_AGENT)
    return replace(report, event_id=event_id, at=at, **texts)
