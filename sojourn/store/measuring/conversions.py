"""Conversions: orders, and the messages that they may be due to."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.measuring.orders import Told
from sojourn.domain.states import MessageState
from sojourn.store.tables import EventRow, LedgerRow

CONVERSIONS = SQLModel.metadata.tables["conversions"]
LEDGER = SQLModel.metadata.tables["ledger"]
EVENTS = SQLModel.metadata.tables["events"]


@dataclass(frozen=True)
class Left:
    """A message that was sent.

    Args:
        ledger_id: the number of its row.
        customer_id: the customer who got it.
        source: its journey or campaign.
        workflow_id: the workflow id of its run.
        enrolment: the event that enrolled the customer.
        at: when it was sent, by its journey's clock.
    """

    ledger_id: int
    customer_id: str
    source: str
    workflow_id: str
    enrolment: str
    at: datetime


@dataclass(frozen=True)
class Conversion:
    """An order, and a message that it may be due to.

    Args:
        ledger_id: the number of the message's row.
        seq: the number of the event that tells the order.
        occasion: names the order.
        name: the wire name of the event.
        at: when it happened.
        currency: the currency of the value.
        value: the order's value, in millionths of the currency.
        place: the message's place among those that the order may be due to, from 1.
        touches: the number of these messages.
    """

    ledger_id: int
    seq: int
    occasion: str
    name: str
    at: datetime
    currency: str
    value: int
    place: int
    touches: int


async def who_ordered(
    session: AsyncSession, numbers: Collection[int], names: Collection[str]
) -> set[str]:
    """Return the customers of events that tell orders, or take them back.

    Args:
        session: any session.
        numbers: the numbers of events.
        names: the wire names of such events.

    Returns:
        Their ids.
    """
    if not numbers:
        return set()
    query = (
        select(EventRow.customer_id)
        .where(col(EventRow.seq).in_(numbers), col(EventRow.name).in_(names))
        .distinct()
    )
    return set((await session.exec(query)).all())


async def who_may_have_ordered(
    session: AsyncSession, messages: Collection[int], names: Collection[str]
) -> set[str]:
    """Return the customers who ordered after one of these messages was decided on.

    Args:
        session: any session.
        messages: numbers of rows in the ledger.
        names: the wire names of events that tell orders.

    Returns:
        Their ids.
    """
    if not messages:
        return set()
    query = (
        select(LedgerRow.customer_id)
        .join(EventRow, col(EventRow.customer_id) == LedgerRow.customer_id)
        .where(
            col(LedgerRow.id).in_(messages),
            LedgerRow.state == MessageState.SENT,
            col(EventRow.name).in_(names),
            EventRow.occurred_at >= LedgerRow.decided_at,
        )
        .distinct()
    )
    return set((await session.exec(query)).all())


async def orders_told(
    session: AsyncSession, customer_ids: Collection[str], names: Collection[str]
) -> dict[str, list[Told]]:
    """Return the events of customers that tell orders, or take them back.

    Args:
        session: any session.
        customer_ids: ids that hold everything.
        names: the wire names of such events.

    Returns:
        The events by customer, without copies of events of another id, and without events that
        have lost their fields to their age.
    """
    connection = await session.connection()
    query = select(  # type: ignore[call-overload]
        EVENTS.c.customer_id,
        EVENTS.c.seq,
        EVENTS.c.message_id,
        EVENTS.c.name,
        EVENTS.c.occurred_at,
        EVENTS.c.properties,
    ).where(
        EVENTS.c.customer_id.in_(customer_ids),
        EVENTS.c.name.in_(names),
        EVENTS.c.copy_of.is_(None),
    )
    found: dict[str, list[Told]] = {}
    for customer_id, *told in await connection.execute(query):
        one = Told(*told)
        if one.properties:
            found.setdefault(customer_id, []).append(one)
    return found


async def left(
    session: AsyncSession, customer_ids: Collection[str], sources: Collection[str]
) -> dict[str, list[Left]]:
    """Return the messages that customers got.

    Args:
        session: any session.
        customer_ids: ids that hold everything.
        sources: journeys and campaigns.

    Returns:
        The messages by customer, in no order.
    """
    connection = await session.connection()
    query = select(  # type: ignore[call-overload]
        LEDGER.c.id,
        LEDGER.c.customer_id,
        LEDGER.c.journey,
        LEDGER.c.workflow_id,
        LEDGER.c.enrolment,
        LEDGER.c.decided_at,
    ).where(
        LEDGER.c.customer_id.in_(customer_ids),
        LEDGER.c.state == MessageState.SENT,
        LEDGER.c.journey.in_(sources),
    )
    found: dict[str, list[Left]] = {}
    for row in await connection.execute(query):
        one = Left(*row)
        found.setdefault(one.customer_id, []).append(one)
    return found


async def replace(
    session: AsyncSession,
    events: Collection[int],
    sources: Collection[str],
    conversions: Iterable[Conversion],
) -> set[int]:
    """Note the messages that orders may be due to, in place of those noted before.

    Args:
        session: a writing transaction.
        events: the numbers of all events that were examined, which tell orders.
        sources: the journeys and campaigns that were examined; notes about others stay.
        conversions: all conversions of these orders for these sources.

    Returns:
        The numbers of the messages for which something changes.
    """
    connection = await session.connection()
    rows = await connection.execute(
        select(CONVERSIONS)  # type: ignore[call-overload]
        .join(LEDGER, LEDGER.c.id == CONVERSIONS.c.ledger_id)
        .where(CONVERSIONS.c.seq.in_(events), LEDGER.c.journey.in_(sources))
    )
    before: dict[tuple[int, str], tuple[int, Conversion]] = {}
    for number, *told in rows:
        one = Conversion(*told)
        before[one.ledger_id, one.occasion] = number, one
    now = {(one.ledger_id, one.occasion): one for one in conversions}
    gone = [(number, key) for key, (number, one) in before.items() if now.get(key) != one]
    new = [one for key, one in now.items() if key not in before or before[key][1] != one]
    if gone:
        await connection.execute(
            CONVERSIONS.delete().where(CONVERSIONS.c.id == bindparam("number")),
            [{"number": number} for number, _ in gone],
        )
    if new:
        await connection.execute(CONVERSIONS.insert(), [vars(one) for one in new])
    return {key[0] for _, key in gone} | {one.ledger_id for one in new}


async def of_messages(
    session: AsyncSession, ledger_ids: Collection[int]
) -> Mapping[int, Sequence[Conversion]]:
    """Return the orders that may be due to messages, by the message's number."""
    if not ledger_ids:
        return {}
    connection = await session.connection()
    rows = await connection.execute(
        select(CONVERSIONS).where(  # type: ignore[call-overload]
            CONVERSIONS.c.ledger_id.in_(ledger_ids)
        )
    )
    found: dict[int, list[Conversion]] = {}
    for _, *told in rows:
        one = Conversion(*told)
        found.setdefault(one.ledger_id, []).append(one)
    return found
