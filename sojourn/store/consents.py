"""Consents: what customers agreed to and refused. Statements are appended; the latest word counts.

`record` is the only function that writes one. One rule holds for every sender, link and report:

- No word is later than its arrival, whatever the sender's clock says.
- A refusal counts from its arrival. It outweighs everything that was heard before it, and a consent
  that is older by its own moment and arrives later.
- A refusal that comes from an address (`store.refusals`) is a statement of everybody who has it.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.consent import Consents
from sojourn.domain.messages import Channel
from sojourn.store import refusals
from sojourn.store.tables import ConsentRow, CustomerRow

_JUST_AFTER = timedelta(microseconds=1)


async def current(session: AsyncSession, customer_id: str) -> Consents:
    """Return what the customer agrees to and refuses now, at the addresses of the card."""
    said = {(row.channel, row.topic): row for row in await words(session, customer_id)}
    on_topics = {
        (Channel(channel) if channel else None, topic): row
        for (channel, topic), row in said.items()
        if topic
    }
    return Consents(
        by_channel={Channel(c): row.granted for (c, topic), row in said.items() if not topic},
        refused=frozenset(pair for pair, row in on_topics.items() if not row.granted),
        agreed=frozenset(
            pair
            for pair, row in on_topics.items()
            if row.granted and not _outweighed(row, said.get((row.channel, "")))
        ),
    )


async def words(session: AsyncSession, customer_id: str) -> Sequence[ConsentRow]:
    """Return the customer's statements and the refusals of the addresses; what counts comes last.

    A refusal of an address is a row that is not stored.
    """
    by_address = [
        ConsentRow(
            customer_id=customer_id,
            channel=row.channel,
            topic=row.topic,
            granted=False,
            at=row.at,
            received_at=row.at,
            source=row.source,
        )
        for row in await refusals.against(session, await _addresses(session, customer_id))
    ]
    return _ordered([*await statements(session, customer_id), *by_address])


async def statements(session: AsyncSession, customer_id: str) -> Sequence[ConsentRow]:
    """Return every statement of the customer on consent; the word that counts comes last.

    A consent counts from its moment, a refusal from its arrival, and against a consent of the same
    moment.
    """
    query = select(ConsentRow).where(ConsentRow.customer_id == customer_id)
    return _ordered((await session.exec(query)).all())


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
        The statement; None if neither the customer nor an address of theirs said anything on it.
    """
    said = _on(await words(session, customer_id), channel, topic)
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
    received_at: datetime | None = None,
) -> datetime:
    """Record one statement of consent or refusal, once for each word and moment.

    A statement that a customer makes to us now counts after all earlier ones, even if another
    machine's clock was ahead of ours.

    Args:
        session: a writing transaction.
        person: the row of the person, held by `people.lock`.
        channel: None means every channel; it takes a topic.
        granted: the customer agrees; False means a refusal.
        source: the call, form, report or answer that brought the statement.
        topic: empty means promotional messages on any topic.
        at: the moment of the statement, as a sender reports it; None means now.
        received_at: when the statement arrived; None means at its moment, or now if that is ahead.

    Returns:
        The moment since which the customer's word stands.
    """
    every = await statements(session, person.customer_id)
    said = _on(every, channel, topic)
    now = datetime.now(UTC)
    arrived = received_at or min(at or now, now)
    moment = arrived if at is None else min(at, arrived)
    row = _same(said, granted=granted, at=None if at is None else moment)
    if row is None:
        row = ConsentRow(
            customer_id=person.customer_id,
            channel=channel.value if channel else "",
            topic=topic,
            granted=granted,
            at=moment,
            source=source,
        )
        if granted and said:
            row.at = _after(said[-1], moment, arrived, now=at is None)
    if not granted:
        # nothing that was heard before it outweighs it, whatever a clock says; a no to a channel
        # is one to every topic by it
        before = said if topic else [other for other in every if other.channel == row.channel]
        row.received_at = max([arrived, *(since(other) for other in before if other.granted)])
    session.add(row)
    return row.at


def since(row: ConsentRow) -> datetime:
    """Return the moment from which a statement counts."""
    return row.at if row.granted else max(row.at, row.received_at or row.at)


async def _addresses(session: AsyncSession, customer_id: str) -> list[tuple[Channel, str]]:
    """Return the addresses on the person's card; a session that holds the row asks nobody."""
    row = await session.get(CustomerRow, customer_id)
    if row is None:
        return []
    held = {
        Channel.EMAIL: row.email,
        Channel.SMS: row.phone,
        Channel.WHATSAPP: row.phone,
        Channel.PUSH: row.push_token,
    }
    return [(channel, address) for channel, address in held.items() if address]


def _outweighed(topic: ConsentRow, channel: ConsentRow | None) -> bool:
    """Tell whether a no to the whole channel is the later word than a yes to one topic by it."""
    return channel is not None and not channel.granted and since(channel) >= since(topic)


def _same(said: Sequence[ConsentRow], *, granted: bool, at: datetime | None) -> ConsentRow | None:
    """Return the row of the same word: of the same moment, or, said now, the one that stands."""
    if at is None:
        return said[-1] if said and said[-1].granted == granted else None
    return next((row for row in said if (row.granted, row.at) == (granted, at)), None)


def _after(last: ConsentRow, moment: datetime, arrived: datetime, *, now: bool) -> datetime:
    """Return the moment of a consent: it may be later than a refusal that counts from its arrival.

    A consent that is said to us now counts after everything. So does one that came in the same
    request as a refusal, and is later by the clock that both were told by.
    """
    together = not last.granted and last.received_at == arrived and moment > last.at
    return max(moment, since(last) + _JUST_AFTER) if now or together else moment


def _ordered(rows: Iterable[ConsentRow]) -> list[ConsentRow]:
    return sorted(rows, key=lambda row: (since(row), not row.granted, row.id or 0))


def _on(rows: Iterable[ConsentRow], channel: Channel | None, topic: str) -> list[ConsentRow]:
    meant = (channel.value if channel else "", topic)
    return [row for row in rows if (row.channel, row.topic) == meant]
