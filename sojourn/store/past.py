"""The past as it is stored: everything of many customers, a page of them at a time."""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import func, tuple_
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.addresses import normalised
from sojourn.domain.messages import Channel
from sojourn.domain.states import MessageState
from sojourn.store.card_addresses import addresses_of
from sojourn.store.engine import Store
from sojourn.store.tables import (
    AddressRow,
    ChoiceRow,
    ConsentRow,
    ContentRow,
    CustomerRow,
    DeviceRow,
    EntryRow,
    EventRow,
    ExposureRow,
    IdentifyRow,
    LedgerRow,
    MuteRow,
    RefusalRow,
    RunRow,
    SuppressionRow,
    SwitchRow,
)

PAGE = 500
"""Customers of a page."""
R = TypeVar("R", bound=SQLModel)
A = TypeVar("A", RefusalRow, SuppressionRow)


@dataclass(frozen=True)
class Past:
    """Everything that the store has of some customers, up to a moment.

    Args:
        customers: the cards of those who may be read.
        events: in the order of their arrival.
        consents: in the order of their arrival.
        addresses: those that the customers have had, oldest first.
        calls: the identify calls that were heard.
        refusals: those of addresses that are on a card, with the customer.
        runs: oldest first.
        messages: oldest first.
        entries: the judgements on events that could start runs.
        exposures: the variants of experiments, oldest first.
        mutes: times in which somebody looked after a customer.
        copies: the other ids that an event was copied for, by its message id.
        joined: former ids, each with the one that holds everything.
        choices: of the customers beside consent, oldest first.
        devices: that take push messages, or did.
        suppressed: addresses that get no message, or did not, with the customer.
        erased: customers who were erased: nothing of them is here.
        restricted: customers whose data may not be used: nor of them.
    """

    customers: Sequence[CustomerRow]
    events: Sequence[EventRow] = ()
    consents: Sequence[ConsentRow] = ()
    addresses: Sequence[AddressRow] = ()
    calls: Sequence[IdentifyRow] = ()
    refusals: Sequence[tuple[str, RefusalRow]] = ()
    runs: Sequence[RunRow] = ()
    messages: Sequence[LedgerRow] = ()
    entries: Sequence[EntryRow] = ()
    exposures: Sequence[ExposureRow] = ()
    mutes: Sequence[MuteRow] = ()
    copies: dict[str, list[str]] = field(default_factory=dict)
    joined: dict[str, str] = field(default_factory=dict)
    choices: Sequence[ChoiceRow] = ()
    devices: Sequence[DeviceRow] = ()
    suppressed: Sequence[tuple[str, Channel, str, SuppressionRow]] = ()
    erased: int = 0
    restricted: int = 0


async def pages(store: Store, *, since: datetime, until: datetime) -> AsyncIterator[Past]:
    """Read the customers with events of a time, page by page.

    Args:
        store: an open store.
        since: the first moment of the time, by the arrival of events.
        until: its end; nothing that came later is read.

    Yields:
        Some of the customers, with everything of them up to the end, older things included.
    """
    last = ""
    async with store.reading() as session:
        copies = await _copies(session, since=since, until=until)
    while True:
        async with store.reading() as session:
            query = (
                select(EventRow.customer_id)
                .where(
                    col(EventRow.received_at) >= since,
                    col(EventRow.received_at) < until,
                    col(EventRow.customer_id) > last,
                )
                .distinct()
                .order_by(col(EventRow.customer_id))
                .limit(PAGE)
            )
            ids = (await session.exec(query)).all()
            if not ids:
                return
            last = ids[-1]
            page = await read(session, ids, until=until, copies=copies)
        yield page


async def read(
    session: AsyncSession,
    customer_ids: Collection[str],
    *,
    until: datetime,
    copies: dict[str, list[str]] | None = None,
) -> Past:
    """Read everything of some customers.

    Args:
        session: any session.
        customer_ids: the ids that hold everything.
        until: nothing that came later is read.
        copies: the other ids for which events were copied; None: nobody wants to know.

    Returns:
        What there is, without runs in shadow and their messages.
    """
    query = select(CustomerRow).where(col(CustomerRow.customer_id).in_(customer_ids))
    every = (await session.exec(query)).all()
    rows = [row for row in every if row.erased_at is None and row.restricted_at is None]
    ids = [row.customer_id for row in rows]
    addresses = await _of(session, AddressRow, ids)
    devices = await _of(session, DeviceRow, ids)
    return Past(
        customers=rows,
        events=await _of(session, EventRow, ids, col(EventRow.received_at) < until, by="seq"),
        consents=await _of(session, ConsentRow, ids),
        addresses=addresses,
        calls=await _of(session, IdentifyRow, ids, by="heard_at"),
        refusals=await _refusals(session, rows),
        runs=await _of(session, RunRow, ids, ~col(RunRow.shadow)),
        messages=await _of(session, LedgerRow, ids, col(LedgerRow.state) != MessageState.SHADOW),
        entries=await _of(session, EntryRow, ids),
        exposures=await _of(session, ExposureRow, ids, col(ExposureRow.at) < until),
        mutes=await _of(session, MuteRow, ids),
        copies=copies or {},
        joined=await _joined(session, ids),
        choices=await _of(session, ChoiceRow, ids, col(ChoiceRow.at) < until),
        devices=devices,
        suppressed=await _suppressed(session, rows, addresses, devices),
        erased=sum(row.erased_at is not None for row in every),
        restricted=sum(row.restricted_at is not None and row.erased_at is None for row in every),
    )


async def switched(session: AsyncSession, *, since: datetime, until: datetime) -> int:
    """Return how many switches of operators were on in a time, if only for a part of it.

    Args:
        session: any session.
        since: the first moment of the time.
        until: its end.

    Returns:
        The number.
    """
    query = select(func.count(col(SwitchRow.id))).where(
        col(SwitchRow.since) < until,
        col(SwitchRow.ended_at).is_(None) | (col(SwitchRow.ended_at) > since),
    )
    return (await session.exec(query)).one()


async def begun_before(session: AsyncSession, *, since: datetime, until: datetime) -> int:
    """Return how many runs decided on messages in a time, and had begun before it.

    Args:
        session: any session.
        since: the first moment of the time.
        until: its end.

    Returns:
        The number.
    """
    query = (
        select(func.count(col(LedgerRow.workflow_id).distinct()))
        .join(EventRow, col(EventRow.message_id) == col(LedgerRow.enrolment))
        .where(
            col(LedgerRow.state) != MessageState.SHADOW,
            col(LedgerRow.decided_at) >= since,
            col(LedgerRow.decided_at) < until,
            col(EventRow.received_at) < since,
        )
    )
    return (await session.exec(query)).one()


async def contents(session: AsyncSession, ledger_ids: Collection[int]) -> dict[int, ContentRow]:
    """Return the texts of messages that are still kept, by the message's number."""
    query = select(ContentRow).where(col(ContentRow.ledger_id).in_(ledger_ids))
    return {row.ledger_id: row for row in await session.exec(query)}


async def _of(
    session: AsyncSession, table: type[R], ids: Collection[str], *where: Any, by: str = "id"
) -> Sequence[R]:
    """Return the rows of customers in a table that has a column for the customer."""
    columns: Any = table
    query = select(table).where(columns.customer_id.in_(ids), *where)
    return (await session.exec(query.order_by(getattr(columns, by)))).all()


Whose = tuple[str, Channel, str]
"""A customer, a channel, and an address as it is on the card."""


async def _refusals(
    session: AsyncSession, rows: Iterable[CustomerRow]
) -> list[tuple[str, RefusalRow]]:
    """Return refusals of the addresses on cards.

    Rows with digests of addresses are not among them: those are of people who were erased.
    """
    found = await _rows_of(session, RefusalRow, _on_cards(rows))
    return [(customer_id, row) for customer_id, _, _, row in found]


async def _suppressed(
    session: AsyncSession,
    rows: Iterable[CustomerRow],
    addresses: Iterable[AddressRow],
    devices: Iterable[DeviceRow],
) -> list[tuple[str, Channel, str, SuppressionRow]]:
    """Return suppressions of every address that customers have or had, each as they wrote it."""
    has = _on_cards(rows) + [(row.customer_id, Channel.PUSH, row.token) for row in devices]
    for row in addresses:
        has += [(row.customer_id, channel, row.value) for channel in _CHANNELS[row.kind]]
    return await _rows_of(session, SuppressionRow, has)


def _on_cards(rows: Iterable[CustomerRow]) -> list[Whose]:
    return [
        (row.customer_id, channel, address)
        for row in rows
        for channel in Channel
        for address in addresses_of(row, channel)
    ]


async def _rows_of(
    session: AsyncSession, table: type[A], has: Iterable[Whose]
) -> list[tuple[str, Channel, str, A]]:
    """Return the rows of addresses in a table, each with everybody who has or had the address."""
    of: dict[tuple[str, str], dict[Whose, None]] = {}
    for who, channel, address in has:
        if spelling := normalised(channel, address):
            of.setdefault((channel.value, spelling), {})[who, channel, address] = None
    pairs = list(of)
    found: list[tuple[str, Channel, str, A]] = []
    columns: Any = table
    for n in range(0, len(pairs), PAGE):
        place = tuple_(columns.channel, columns.address)
        for row in await session.exec(select(table).where(place.in_(pairs[n : n + PAGE]))):
            everybody = of[row.channel, row.address]
            found += [(who, channel, address, row) for who, channel, address in everybody]
    return found


_CHANNELS: dict[str, tuple[Channel, ...]] = {
    "email": (Channel.EMAIL,),
    "phone": (Channel.SMS, Channel.WHATSAPP),
    "phone2": (Channel.SMS, Channel.WHATSAPP),
    "push_token": (Channel.PUSH,),
}


async def _copies(
    session: AsyncSession, *, since: datetime, until: datetime
) -> dict[str, list[str]]:
    """Return the other ids whose runs events of a time ended as well, by message id."""
    found: dict[str, list[str]] = {}
    query = select(EventRow.copy_of, EventRow.customer_id).where(
        col(EventRow.copy_of).is_not(None),
        col(EventRow.received_at) >= since,
        col(EventRow.received_at) < until,
    )
    for original, customer_id in await session.exec(query):
        if original is not None:
            found.setdefault(original, []).append(customer_id)
    return found


async def _joined(session: AsyncSession, ids: Iterable[str]) -> dict[str, str]:
    """Return the former ids of customers, those that lead to them by way of another one as well."""
    found: dict[str, str] = {}
    homes = {one: one for one in ids}
    while homes:
        query = select(CustomerRow.customer_id, CustomerRow.joined_to).where(
            col(CustomerRow.joined_to).in_(homes)
        )
        homes = {one: homes[to] for one, to in await session.exec(query) if to is not None}
        found |= homes
    return found
