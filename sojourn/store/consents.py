"""Consents: what customers agreed to and refused. Statements are appended; the latest word counts.

`record` is the only function that writes one.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.messages import Channel
from sojourn.domain.policy import Consents
from sojourn.store.tables import ConsentRow, CustomerRow

_JUST_AFTER = timedelta(microseconds=1)


async def current(session: AsyncSession, customer_id: str) -> Consents:
    """Return what the customer agrees to and refuses now."""
    said = {(row.channel, row.topic): row for row in await statements(session, customer_id)}
    return Consents(
        by_channel={Channel(c): row.granted for (c, topic), row in said.items() if not topic},
        refused=frozenset(
            (Channel(c) if c else None, topic)
            for (c, topic), row in said.items()
            if topic and not row.granted
        ),
    )


async def statements(session: AsyncSession, customer_id: str) -> Sequence[ConsentRow]:
    """Return every statement of the customer on consent; the word that counts comes last.

    Statements are in the order of their moments, not of their arrival. A refusal counts against a
    grant of the same moment.
    """
    query = select(ConsentRow).where(ConsentRow.customer_id == customer_id)
    return (
        await session.exec(
            query.order_by(col(ConsentRow.at), col(ConsentRow.granted).desc(), col(ConsentRow.id))
        )
    ).all()


async def last(
    session: AsyncSession, customer_id: str, channel: Channel | None, topic: str = ""
) -> ConsentRow | None:
    """Return the word that counts on a channel and topic, as `record` names them.

    Args:
        session: any session.
        customer_id: the id that holds everything.
        channel: None means every channel.
        topic: empty means promotional messages on any topic.

    Returns:
        The statement; None if the customer never said anything on it.
    """
    said = await _said(session, customer_id, channel, topic)
    return said[-1] if said else None


async def record(
    session: AsyncSession,
    person: CustomerRow,
    channel: Channel | None,
    *,
    granted: bool,
    source: str,
    topic: str = "",
    at: datetime | None = None,
) -> datetime:
    """Record one statement of consent or refusal, once for each word and moment.

    A statement that a customer makes to us now counts after all earlier ones, even if another
    machine's clock was ahead of ours. A statement that a sender reports keeps its own moment.

    Args:
        session: a writing transaction.
        person: the row of the person, held by `people.lock`.
        channel: None means every channel; it takes a topic.
        granted: the customer agrees; False means a refusal.
        source: the call, form, report or answer that brought the statement.
        topic: empty means promotional messages on any topic.
        at: the moment of the statement, as a sender reports it; None means now.

    Returns:
        The moment since which the customer's word stands.
    """
    said = await _said(session, person.customer_id, channel, topic)
    if at is None:
        at = datetime.now(UTC)
        if said:
            if said[-1].granted == granted:
                return said[-1].at
            at = max(at, said[-1].at + _JUST_AFTER)
    elif any((row.granted, row.at) == (granted, at) for row in said):
        return at
    session.add(
        ConsentRow(
            customer_id=person.customer_id,
            channel=channel.value if channel else "",
            topic=topic,
            granted=granted,
            at=at,
            source=source,
        )
    )
    return at


async def _said(
    session: AsyncSession, customer_id: str, channel: Channel | None, topic: str
) -> list[ConsentRow]:
    meant = (channel.value if channel else "", topic)
    rows = await statements(session, customer_id)
    return [row for row in rows if (row.channel, row.topic) == meant]
