"""Consents: what customers agreed to and refused. Statements are appended; the latest word counts.

`record` is the only function that writes one. One rule holds for every sender, link and report:

- No word is later than its arrival, whatever the sender's clock says.
- A refusal counts from its arrival. It outweighs everything that was heard before it, and a consent
  that is older by its own moment and arrives later.
- A yes holds until it is withdrawn, or until its end, if it has one.
- A refusal that comes from an address (`store.refusals`) is a statement of everybody who has it.
- A word that answers a request for confirmation (`store.opt_ins`) ends the runs that ask for it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select as core_select
from sqlalchemy import update
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.consent import Consents, Evidence, Purpose
from sojourn.domain.consent_words import (
    about,
    after,
    circumstances,
    ordered,
    outweighing,
    same,
    standing,
)
from sojourn.domain.messages import Channel
from sojourn.domain.stored import Refused, Said
from sojourn.store import opt_ins, prepared, refusals
from sojourn.store.card_addresses import address_of, addresses_of
from sojourn.store.prepared import value
from sojourn.store.tables import ConsentRow, CustomerRow, EventRow

NO_EVIDENCE = Evidence()
_CONSENTS = SQLModel.metadata.tables["consents"]
_SAID = core_select(
    _CONSENTS.c.id,
    _CONSENTS.c.channel,
    _CONSENTS.c.topic,
    _CONSENTS.c.purpose,
    _CONSENTS.c.granted,
    _CONSENTS.c.at,
    _CONSENTS.c.received_at,
    _CONSENTS.c.expires_at,
).where(_CONSENTS.c.customer_id == value("customer_id", _CONSENTS.c.customer_id))
"""The columns are those of `domain.stored.Said`."""


@dataclass(frozen=True)
class _Refusal:
    """A refusal of an address, as a statement of everybody who has it."""

    channel: str
    topic: str
    at: datetime
    id: int | None = None
    purpose: str | None = None
    granted: bool = False
    expires_at: datetime | None = None

    @property
    def received_at(self) -> datetime:
        """When it arrived, which is its moment."""
        return self.at


async def current(
    session: AsyncSession,
    customer_id: str,
    *,
    now: datetime | None = None,
    refused: Sequence[Refused] | None = None,
) -> Consents:
    """Return what the customer agrees to and refuses, at the addresses of the card.

    Args:
        session: any session.
        customer_id: the id that holds everything.
        now: a yes that ended before has run out; None: by the machine's clock.
        refused: the refusals of the customer's addresses, of the card and of devices; None: those
            of the card are looked up.

    Returns:
        What the words amount to.
    """
    if refused is None:
        refused = await _of_addresses(session, customer_id, ())
    said: Sequence[Said] = ordered(
        [
            *await prepared.rows(session, _SAID, {"customer_id": customer_id}),
            *(_Refusal(one.channel, one.topic, one.at) for one in refused),
        ]
    )
    return standing(said, now or datetime.now(UTC))


async def words(
    session: AsyncSession, customer_id: str, besides: Iterable[tuple[Channel, str]] = ()
) -> Sequence[ConsentRow]:
    """Return the customer's statements and the refusals of the addresses; what counts comes last.

    A refusal of an address is a row that is not stored.

    Args:
        session: any session.
        customer_id: the id that holds everything.
        besides: addresses of the customer that are not on the card.

    Returns:
        The statements.
    """
    by_address = await _of_addresses(session, customer_id, besides)
    said = [_by_address(customer_id, row) for row in by_address]
    return ordered([*await statements(session, customer_id), *said])


async def of_many(
    session: AsyncSession, rows: Sequence[CustomerRow], channel: Channel, *, now: datetime
) -> dict[str, Consents]:
    """Return what each of several customers agrees to and refuses, by one channel.

    Args:
        session: any session.
        rows: the rows of the customers, none of them a pointer.
        channel: only refusals of its addresses count; `current` takes those of every channel.
        now: a yes that ended before has run out.

    Returns:
        As `current`, by customer.
    """
    said: dict[str, list[ConsentRow]] = {row.customer_id: [] for row in rows}
    query = select(ConsentRow).where(col(ConsentRow.customer_id).in_(said))
    for one in await session.exec(query):
        said[one.customer_id].append(one)
    pairs = {row.customer_id: addresses_of(row, channel) for row in rows}
    every = [(channel, address) for each in pairs.values() for address in each]
    refused = await refusals.against_each(session, every)
    for customer_id, each in pairs.items():
        for address in each:
            said[customer_id] += [
                _by_address(customer_id, row) for row in refused.get((channel, address), ())
            ]
    return {one: standing(ordered(each), now) for one, each in said.items()}


async def words_of_many(
    session: AsyncSession, rows: Sequence[CustomerRow]
) -> dict[str, list[ConsentRow]]:
    """Return the words of several customers, as `words`, in no order.

    Args:
        session: any session.
        rows: the rows of the customers, none of them a pointer.

    Returns:
        The statements, by customer; a refusal of an address is a row that is not stored.
    """
    said: dict[str, list[ConsentRow]] = {row.customer_id: [] for row in rows}
    query = select(ConsentRow).where(col(ConsentRow.customer_id).in_(said))
    for one in await session.exec(query):
        said[one.customer_id].append(one)
    theirs = [
        (row.customer_id, (channel, address))
        for row in rows
        for channel in Channel
        for address in addresses_of(row, channel)
    ]
    refused = await refusals.against_each(session, [pair for _, pair in theirs])
    for customer_id, pair in theirs:
        said[customer_id] += [_by_address(customer_id, one) for one in refused.get(pair, ())]
    return said


async def statements(session: AsyncSession, customer_id: str) -> Sequence[ConsentRow]:
    """Return every statement of the customer on consent; the word that counts comes last.

    A consent counts from its moment, a refusal from its arrival, and against a consent of the same
    moment.
    """
    query = select(ConsentRow).where(ConsentRow.customer_id == customer_id)
    return ordered((await session.exec(query)).all())


async def last(
    session: AsyncSession,
    customer_id: str,
    channel: Channel | None,
    topic: str = "",
    *,
    purpose: Purpose = Purpose.MESSAGES,
) -> ConsentRow | None:
    """Return the word that counts on a channel and topic, as `record` names them.

    Args:
        session: any session.
        customer_id: the id that holds everything.
        channel: None means every channel.
        topic: empty means promotional messages on any topic.
        purpose: the use that the word is about.

    Returns:
        The statement; None if neither the customer nor an address of theirs said anything on it.
        A yes among them may have run out (`ConsentRow.expires_at`).
    """
    said = about(await words(session, customer_id), channel, topic, purpose)
    return said[-1] if said else None


async def record(
    session: AsyncSession,
    person: CustomerRow,
    channel: Channel | None,
    *,
    granted: bool,
    source: str,
    topic: str = "",
    purpose: Purpose = Purpose.MESSAGES,
    at: datetime | None = None,
    received_at: datetime | None = None,
    evidence: Evidence = NO_EVIDENCE,
    remembered: bool = False,
    answers: int | None = None,
    news: list[EventRow] | None = None,
) -> datetime:
    """Record one statement of consent or refusal, once for each word and moment.

    A statement that a customer makes to us now counts after all earlier ones, even if another
    machine's clock was ahead of ours. A yes with other words, or with another end, is another yes.

    Args:
        session: a writing transaction.
        person: the row of the person, held by `people.lock`.
        channel: None means every channel; it takes a topic, or a purpose of its own.
        granted: the customer agrees; False means a refusal.
        source: the call, form, report or answer that brought the statement.
        topic: empty means promotional messages on any topic.
        purpose: the use that it is about; `Purpose.OPENS` takes neither channel nor topic.
        at: the moment of the statement, as a sender reports it; None means now.
        received_at: when the statement arrived; None means at its moment, or now if that is ahead.
        evidence: its circumstances. Without an address, that of the card is noted.
        remembered: it comes from a record of the past, such as an export of another tool, whose
            moments are to be believed: a refusal counts from its own moment, not from its arrival.
        answers: the number of the request that a yes confirms; None: it was said unasked.
        news: gets the events that end runs; None: the sweep tells them if the caller does not.

    Returns:
        The moment from which the customer's word stands.
    """
    every = await statements(session, person.customer_id)
    topic = purpose.value if purpose is Purpose.OPENS else topic
    said = about(every, channel, topic, purpose)
    now = datetime.now(UTC)
    arrived = received_at or min(at or now, now)
    moment = arrived if at is None else min(at, arrived)
    row = same(said, granted=granted, at=None if at is None else moment, evidence=evidence)
    if row is None:
        row = ConsentRow(
            customer_id=person.customer_id,
            channel=channel.value if channel else "",
            topic=topic,
            granted=granted,
            at=moment,
            source=source,
            purpose=None if purpose is Purpose.MESSAGES else purpose.value,
            answers=answers,
            address=evidence.address or (address_of(person, channel) if channel else "") or None,
            **circumstances(evidence),
        )
        if granted and said and not remembered:
            row.at = after(said[-1], moment, arrived, now=at is None)
    if not granted:
        heard = moment if remembered else outweighing(row, every, arrived)
        row.received_at = max(row.received_at or moment, heard)
    session.add(row)
    if purpose is Purpose.MESSAGES:
        told = await opt_ins.answered(session, person.customer_id, every, row)
        if news is not None:
            news += told
    return row.at


async def forget(session: AsyncSession, customer_id: str) -> None:
    """Remove from a person's statements what identifies them; the words themselves stay.

    Args:
        session: a writing transaction.
        customer_id: the id that holds everything.
    """
    await session.exec(
        update(ConsentRow)
        .where(col(ConsentRow.customer_id) == customer_id)
        .values(address=None, proof=None)
    )


async def _of_addresses(
    session: AsyncSession, customer_id: str, besides: Iterable[tuple[Channel, str]]
) -> Sequence[Refused]:
    """Return the refusals of a customer's addresses, of the card and besides, oldest first."""
    return await refusals.against(session, [*await _addresses(session, customer_id), *besides])


def _by_address(customer_id: str, row: Refused) -> ConsentRow:
    return ConsentRow(
        customer_id=customer_id,
        channel=row.channel,
        topic=row.topic,
        granted=False,
        at=row.at,
        received_at=row.at,
        source=row.source,
    )


async def _addresses(session: AsyncSession, customer_id: str) -> list[tuple[Channel, str]]:
    """Return the addresses on the person's card; without a query if the session holds the row."""
    row = await session.get(CustomerRow, customer_id)
    if row is None:
        return []
    return [(channel, one) for channel in Channel for one in addresses_of(row, channel)]
