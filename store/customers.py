"""Customers: their lock, their card, what they consented to."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.calendar import zone
from domain.customer import Customer, Identity, home_zone
from domain.messages import Channel
from domain.policy import Consents, Recipient
from store.tables import ConsentRow, CustomerRow

CUSTOMERS = SQLModel.metadata.tables["customers"]


async def lock(session: AsyncSession, customer_id: str) -> CustomerRow:
    """Hold the customer until the transaction ends; make the row if there is none.

    An event and a claim on the same customer thereby happen one after the other: on PostgreSQL
    READ COMMITTED alone would let a claim slip past a purchase that is being committed.
    """
    locked = select(CustomerRow).where(CustomerRow.customer_id == customer_id).with_for_update()
    row = (await session.exec(locked)).first()
    if row is None:
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        await session.exec(
            dialect.insert(CustomerRow)
            .values(CustomerRow(customer_id=customer_id).model_dump())
            .on_conflict_do_nothing()
        )
        row = (await session.exec(locked)).one()
    return row


async def lock_all(session: AsyncSession, customer_ids: Iterable[str]) -> dict[str, CustomerRow]:
    """Hold several customers until the transaction ends, as `lock` does; the rows by id asked for.

    They are locked in the order of their ids, so that two transactions cannot wait for each other.
    """
    ids = sorted(set(customer_ids))
    query = (
        select(CustomerRow)
        .where(col(CustomerRow.customer_id).in_(ids))
        .order_by(col(CustomerRow.customer_id))
        .with_for_update()
    )
    rows = (await session.exec(query)).all()
    if len(rows) < len(ids):
        known = {row.customer_id for row in rows}
        new = [CustomerRow(customer_id=i).model_dump() for i in ids if i not in known]
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        connection = await session.connection()
        await connection.execute(dialect.insert(CUSTOMERS).on_conflict_do_nothing(), new)
        rows = (await session.exec(query)).all()
    return {row.customer_id: row for row in rows}


def card(row: CustomerRow) -> Customer:
    """The row as the domain sees it."""
    return Customer(
        customer_id=row.customer_id,
        known=row.identified_at is not None,
        erased=row.erased_at is not None,
        first_name=row.first_name,
        email=row.email,
        phone=row.phone,
        push_token=row.push_token,
        locale=row.locale,
        timezone=row.timezone,
        attributes=row.attributes,
    )


async def find(session: AsyncSession, customer_id: str) -> Customer | None:
    """The customer's card, or None if neither call nor event ever named them."""
    row = await session.get(CustomerRow, customer_id)
    return card(row) if row else None


async def identify(session: AsyncSession, identity: Identity) -> Customer:
    """Make or update a customer. A call older than the last one only fills in what is missing."""
    row = await lock(session, identity.customer_id)
    newest = row.identified_at is None or identity.at >= row.identified_at
    for name, value in identity.card.items():
        if newest or not getattr(row, name):
            setattr(row, name, value)
    given = identity.attributes
    row.attributes = {**row.attributes, **given} if newest else {**given, **row.attributes}
    row.identified_at = identity.at if newest else row.identified_at
    session.add(row)
    said = await _latest(session, identity.customer_id)
    for channel, granted in identity.consents.items():
        before = said.get((channel.value, ""))
        # the same word said again later is news: one from between may still be on its way
        nothing_new = before is not None and before.granted == granted and before.at >= identity.at
        if not nothing_new:
            session.add(
                ConsentRow(
                    customer_id=identity.customer_id,
                    channel=channel.value,
                    granted=granted,
                    at=identity.at,
                    source=identity.message_id,
                )
            )
    return card(row)


async def consents(session: AsyncSession, customer_id: str) -> Consents:
    """What the customer agreed to and refused, the latest word on each."""
    said = await _latest(session, customer_id)
    return Consents(
        by_channel={Channel(c): row.granted for (c, topic), row in said.items() if not topic},
        refused=frozenset(
            (Channel(c) if c else None, topic)
            for (c, topic), row in said.items()
            if topic and not row.granted
        ),
    )


async def statements(session: AsyncSession, customer_id: str) -> Sequence[ConsentRow]:
    """All that the customer ever said on consent, in the order in which it was said."""
    query = select(ConsentRow).where(ConsentRow.customer_id == customer_id)
    return (
        await session.exec(
            query.order_by(col(ConsentRow.at), col(ConsentRow.granted).desc(), col(ConsentRow.id))
        )
    ).all()


async def recipient(session: AsyncSession, customer: Customer, default_zone: str) -> Recipient:
    """What the gate needs to know of a customer."""
    return Recipient(
        known=customer.known,
        erased=customer.erased,
        reachable=customer.reachable,
        consents=await consents(session, customer.customer_id),
        tz=_zone(customer, default_zone),
    )


def _zone(customer: Customer, default_zone: str) -> ZoneInfo:
    return zone(home_zone(customer, default_zone))


async def _latest(session: AsyncSession, customer_id: str) -> dict[tuple[str, str], ConsentRow]:
    """The statement that counts, by channel and topic: the latest said, not the latest received.

    Of two said at the same moment the refusal stands.
    """
    rows = await statements(session, customer_id)
    return {(row.channel, row.topic): row for row in rows}


async def record_consent(
    session: AsyncSession,
    customer_id: str,
    channel: Channel | None,
    *,
    granted: bool,
    at: datetime,
    source: str,
    topic: str = "",
) -> None:
    """Append one statement of consent or refusal.

    Args:
        session: a writing transaction.
        customer_id: whose.
        channel: None: every channel (with a topic).
        granted: agreed or refused.
        at: when it was said.
        source: what recorded it.
        topic: empty: promotional messages whatever the topic.
    """
    await lock(session, customer_id)
    session.add(
        ConsentRow(
            customer_id=customer_id,
            channel=channel.value if channel else "",
            topic=topic,
            granted=granted,
            at=at,
            source=source,
        )
    )
