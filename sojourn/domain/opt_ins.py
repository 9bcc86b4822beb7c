"""Double opt-in: a request for messages, which the customer confirms by a link. Pure.

A request is a statement with the purpose ``pending``. No reader of consents takes it for a yes or a
no. Its outcome is derived: a yes to its channel and topic answers it, and so does a no that counts
from its moment or later, by whatever way they came. An answer is also an event, which ends the runs
that ask.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from sojourn.domain.addresses import normalised
from sojourn.domain.consent import Evidence, Purpose
from sojourn.domain.consent_words import ordered, since, standing
from sojourn.domain.events import OptInConfirmed, OptInRequested, OptInWithdrawn
from sojourn.domain.made_ids import made_id
from sojourn.domain.messages import Channel
from sojourn.domain.stored import Asking

A = TypeVar("A", bound=Asking)

LASTS = timedelta(days=7)
"""The time after a request in which a link confirms it."""
DAY = timedelta(days=1)
"""The time over which requests to one address are counted."""


class Stage(StrEnum):
    """The stage that a request has reached."""

    OPEN = "open"
    AGREED = "agreed"
    """Confirmed, or agreed to in another way."""
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    MOVED = "moved"
    """The customer has another address now than the one that it was about."""

    @property
    def words(self) -> str:
        """The stage in words, for operators."""
        return {
            Stage.OPEN: "the customer has not answered the request yet",
            Stage.AGREED: "the customer has agreed already",
            Stage.WITHDRAWN: "the customer has said no since the request",
            Stage.EXPIRED: f"the request is older than {LASTS.days} days",
            Stage.MOVED: "the customer has another address now than the request is about",
        }[self]


@dataclass(frozen=True)
class OptIn:
    """A request for messages.

    Args:
        number: of the statement that keeps it; 0 for a made-up one.
        channel: of the messages.
        topic: of the messages; empty means any.
        until: from this moment on, no link confirms it.
        wording: the exact text that the customer agreed to; may be empty.
    """

    number: int
    channel: Channel
    topic: str
    until: datetime
    wording: str = ""


def evidence_of(event: OptInRequested) -> Evidence:
    """Return the circumstances of a request, as its event tells them."""
    return Evidence(
        address=normalised(Channel(event.channel), event.address or ""),
        wording=event.wording or "",
        wording_version=event.wording_version or "",
        locale=event.locale or "",
        proof=event.proof or "",
        expires_at=event.expires_at,
    )


def requests(said: Iterable[A]) -> list[A]:
    """Return the requests among a customer's statements."""
    return [row for row in said if row.purpose == Purpose.PENDING]


def answer_to(request: A, said: Sequence[A]) -> A | None:
    """Return the word that answers a request; None if there is none.

    Args:
        request: the request.
        said: the customer's statements and the refusals of the addresses, as `ordered`.

    Returns:
        The yes that stands; else the newest no since the request.
    """
    own = [row for row in said if _about(row) == _about(request) and row.purpose is None]
    stands = standing(said, max(request.at, since(own[-1])) if own else request.at)
    channel, topic = Channel(request.channel), request.topic
    agreed = (
        (channel, topic) in stands.agreed and (None, topic) not in stands.refused
        if topic
        else stands.by_channel.get(channel, False)
    )
    if agreed:
        return own[-1]
    noes = [row for row in said if _denies(row, request) and since(row) >= request.at]
    return noes[-1] if noes else None


def stage_of(request: A, said: Sequence[A]) -> Stage:
    """Return the stage of a request by the customer's words alone, whatever its age."""
    word = answer_to(request, said)
    if word is None:
        return Stage.OPEN
    return Stage.AGREED if word.granted else Stage.WITHDRAWN


def stage_at(request: A, said: Sequence[A], now: datetime, *, has: str) -> Stage:
    """Return the stage of a request at a moment.

    Args:
        request: the request.
        said: as for `answer_to`.
        now: the moment, by the clock that ages requests.
        has: the address of the channel that the customer has then; empty: none is known yet.

    Returns:
        The stage.
    """
    channel, stage = Channel(request.channel), stage_of(request, said)
    if stage is Stage.OPEN and now >= request.at + LASTS:
        stage = Stage.EXPIRED
    own = normalised(channel, has)
    # the card may still get the address; a different one is a different mailbox
    if stage is Stage.OPEN and request.address and own:
        return stage if normalised(channel, request.address) == own else Stage.MOVED
    return stage


def opt_in_of(request: A) -> OptIn:
    """Return a request as messages know it."""
    assert request.id is not None, "it is kept"
    until = request.at + LASTS
    wording = request.wording or ""
    return OptIn(request.id, Channel(request.channel), request.topic, until, wording)


def answered(before: Sequence[A], word: A) -> tuple[list[A], Sequence[A]]:
    """Return the requests that a word may have just answered.

    Args:
        before: the customer's statements without the word, as `ordered`.
        word: the word.

    Returns:
        Those that were open before it, and the statements with it.
    """
    asked = [row for row in requests(before) if stage_of(row, before) is Stage.OPEN]
    return asked, ordered([*(row for row in before if row is not word), word]) if asked else before


def event_of(
    customer_id: str, request: A, said: Sequence[A]
) -> OptInConfirmed | OptInWithdrawn | None:
    """Return the event of a request's answer.

    Args:
        customer_id: the id that holds everything.
        request: the request.
        said: as for `answer_to`.

    Returns:
        The event; None if the request is open.
    """
    word = answer_to(request, said)
    if word is None:
        return None
    kind = OptInConfirmed if word.granted else OptInWithdrawn
    return kind(
        message_id=made_id("opt-in", "confirmed" if word.granted else "withdrawn", request.source),
        customer_id=customer_id,
        # a word from an import may be older than the request that it answers
        occurred_at=max(since(word), request.at),
        channel=request.channel,
        topic=request.topic,
    )


def _about(row: Asking) -> tuple[str, str]:
    return row.channel, row.topic


def _denies(word: Asking, request: Asking) -> bool:
    """Tell whether a word is a no to what a request is about."""
    if word.granted or word.purpose is not None:
        return False
    if not word.channel:
        return bool(request.topic) and word.topic == request.topic
    return word.channel == request.channel and word.topic in ("", request.topic)
