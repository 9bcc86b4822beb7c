"""Requests for confirmation in the log of consents, and the words that answer them.

A request is a statement with the purpose ``pending``. No reader of consents takes it for a yes or a
no. Its outcome is derived: a yes to its channel and topic answers it, and so does a no that counts
from its moment or later, by whatever way they came. An answer is also an event, which ends the runs
that ask.
"""

from collections.abc import Iterable, Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.consent import Purpose
from sojourn.domain.consent_words import ordered, since, standing
from sojourn.domain.events import OptInConfirmed, OptInWithdrawn
from sojourn.domain.made_ids import made_id
from sojourn.domain.messages import Channel
from sojourn.domain.opt_ins import Stage
from sojourn.store import ours
from sojourn.store.tables import ConsentRow, EventRow


def requests(said: Iterable[ConsentRow]) -> list[ConsentRow]:
    """Return the requests among a customer's statements."""
    return [row for row in said if row.purpose == Purpose.PENDING]


def answer_to(request: ConsentRow, said: Sequence[ConsentRow]) -> ConsentRow | None:
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


def stage_of(request: ConsentRow, said: Sequence[ConsentRow]) -> Stage:
    """Return the stage of a request by the customer's words alone, whatever its age."""
    word = answer_to(request, said)
    if word is None:
        return Stage.OPEN
    return Stage.AGREED if word.granted else Stage.WITHDRAWN


async def answered(
    session: AsyncSession, customer_id: str, before: Sequence[ConsentRow], word: ConsentRow
) -> list[EventRow]:
    """Store the events of requests that a word has just answered; they end the runs that ask.

    Args:
        session: a writing transaction that holds the customer.
        customer_id: the id that holds everything.
        before: the customer's statements without the word.
        word: the word.

    Returns:
        The events, still to be told to runs; none if no request was open.
    """
    asked = [row for row in requests(before) if stage_of(row, before) is Stage.OPEN]
    if not asked:
        return []
    after = ordered([*(row for row in before if row is not word), word])
    told = [await tell(session, customer_id, row, after) for row in asked]
    return [row for row in told if row is not None]


async def tell(
    session: AsyncSession, customer_id: str, request: ConsentRow, said: Sequence[ConsentRow]
) -> EventRow | None:
    """Store the event of a request's answer.

    Args:
        session: a writing transaction that holds the customer.
        customer_id: the id that holds everything.
        request: the request.
        said: as for `answer_to`.

    Returns:
        The event; None if the request is open, or the event was stored before.
    """
    word = answer_to(request, said)
    if word is None:
        return None
    kind = OptInConfirmed if word.granted else OptInWithdrawn
    event = kind(
        message_id=made_id("opt-in", "confirmed" if word.granted else "withdrawn", request.source),
        customer_id=customer_id,
        # a word from an import may be older than the request that it answers
        occurred_at=max(since(word), request.at),
        channel=request.channel,
        topic=request.topic,
    )
    kept, new = await ours.write(session, event)
    return kept if new else None


def _about(row: ConsentRow) -> tuple[str, str]:
    return row.channel, row.topic


def _denies(word: ConsentRow, request: ConsentRow) -> bool:
    """Tell whether a word is a no to what a request is about."""
    if word.granted or word.purpose is not None:
        return False
    if not word.channel:
        return bool(request.topic) and word.topic == request.topic
    return word.channel == request.channel and word.topic in ("", request.topic)
