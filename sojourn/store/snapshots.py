"""Customers with all that the gate reads of them: a dozen queries for many, not for each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from sqlalchemy import func, or_, text
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.messages import Channel
from sojourn.domain.states import MessageState
from sojourn.store import consents, suppressions, tombstones
from sojourn.store.card_addresses import addresses_of
from sojourn.store.tables import (
    HAS_EMAIL,
    HAS_PHONE,
    HAS_PHONE2,
    ConsentRow,
    CustomerRow,
    DeviceRow,
    EntryRow,
    EventRow,
    ExposureRow,
    LedgerRow,
    MuteRow,
    RunRow,
)

PAGE = 500
"""Customers that are read at a time."""

R = TypeVar("R", bound=SQLModel)


@dataclass(frozen=True)
class Page:
    """The rows of some customers, each by the id that holds everything.

    Args:
        cards: their own.
        ids: their other ids.
        said: statements on consent, and refusals of their addresses.
        events: in the order of their arrival.
        ledger: oldest first.
        runs: oldest first.
        entries: those that were taken.
        exposures: oldest first.
        mutes: that nothing has ended.
        devices: that take push messages, the most recently used first.
        suppressed: of their addresses.
    """

    cards: Mapping[str, CustomerRow]
    ids: Mapping[str, Sequence[str]] = field(default_factory=dict)
    said: Mapping[str, Sequence[ConsentRow]] = field(default_factory=dict)
    events: Mapping[str, Sequence[EventRow]] = field(default_factory=dict)
    ledger: Mapping[str, Sequence[LedgerRow]] = field(default_factory=dict)
    runs: Mapping[str, Sequence[RunRow]] = field(default_factory=dict)
    entries: Mapping[str, Sequence[EntryRow]] = field(default_factory=dict)
    exposures: Mapping[str, Sequence[ExposureRow]] = field(default_factory=dict)
    mutes: Mapping[str, Sequence[MuteRow]] = field(default_factory=dict)
    devices: Mapping[str, Sequence[DeviceRow]] = field(default_factory=dict)
    suppressed: frozenset[tuple[Channel, str]] = frozenset()


async def roots(session: AsyncSession, customer_ids: Iterable[str]) -> dict[str, str]:
    """Return the id that holds everything, for each of some ids.

    Args:
        session: any session.
        customer_ids: the ids; one that nobody has leads to itself.

    Returns:
        The ids; of an erased person, the name of the tombstone.
    """
    found = {one: one for one in customer_ids}
    open_ends = set(found)
    while open_ends:
        query = select(CustomerRow.customer_id, CustomerRow.joined_to).where(
            col(CustomerRow.customer_id).in_(sorted(open_ends)),
            col(CustomerRow.joined_to).is_not(None),
        )
        leads = {one: to for one, to in await session.exec(query) if to is not None}
        found = {one: leads.get(to, to) for one, to in found.items()}
        open_ends = set(leads.values())
    return await _led_to_tombstones(session, found)


async def _led_to_tombstones(session: AsyncSession, found: dict[str, str]) -> dict[str, str]:
    ends = set(found.values())
    there = await _there(session, ends)
    names = await tombstones.names_of(session, sorted(ends - there))
    graves = await _there(session, names.values())
    return {one: names[to] if names.get(to) in graves else to for one, to in found.items()}


async def _there(session: AsyncSession, customer_ids: Iterable[str]) -> set[str]:
    asked = sorted(set(customer_ids))
    query = select(CustomerRow.customer_id).where(col(CustomerRow.customer_id).in_(asked))
    return set(await session.exec(query)) if asked else set()


async def kin(session: AsyncSession, cards: Iterable[CustomerRow]) -> set[str]:
    """Return the ids of customers who have an address of one of these.

    Args:
        session: any session.
        cards: the rows of the customers.

    Returns:
        Ids that hold everything, those of the customers among them.
    """
    rows = list(cards)
    emails = {row.email.lower() for row in rows if row.email}
    phones = {one for row in rows for one in (row.phone, row.phone2) if one}
    if not emails and not phones:
        return set()
    query = select(CustomerRow.customer_id).where(
        or_(
            func.lower(CustomerRow.email).in_(sorted(emails)) & text(HAS_EMAIL),
            col(CustomerRow.phone).in_(sorted(phones)) & text(HAS_PHONE),
            col(CustomerRow.phone2).in_(sorted(phones)) & text(HAS_PHONE2),
        ),
        col(CustomerRow.joined_to).is_(None),
        col(CustomerRow.erased_at).is_(None),
    )
    return set(await session.exec(query))


async def page(session: AsyncSession, customer_ids: Sequence[str], *, since: datetime) -> Page:
    """Read some customers.

    Args:
        session: any session.
        customer_ids: ids that hold everything.
        since: messages that were decided on before are left out, unless they wait.

    Returns:
        Their rows; none of a run in shadow.
    """
    query = select(CustomerRow).where(col(CustomerRow.customer_id).in_(customer_ids))
    cards = {row.customer_id: row for row in await session.exec(query)}
    pairs = [
        (channel, address)
        for row in cards.values()
        for channel in Channel
        for address in addresses_of(row, channel)
    ]
    devices = await _of(session, DeviceRow, customer_ids, col(DeviceRow.gone_at).is_(None))
    pairs += [(Channel.PUSH, one.token) for each in devices.values() for one in each]
    return Page(
        cards,
        await _pointers(session, customer_ids),
        await consents.words_of_many(session, list(cards.values())),
        await _of(session, EventRow, customer_ids),
        await _of(
            session,
            LedgerRow,
            customer_ids,
            or_(col(LedgerRow.decided_at) >= since, col(LedgerRow.state) == MessageState.DEFERRED),
            col(LedgerRow.state) != MessageState.SHADOW,
        ),
        await _of(session, RunRow, customer_ids, ~col(RunRow.shadow)),
        await _of(session, EntryRow, customer_ids, col(EntryRow.taken)),
        await _of(session, ExposureRow, customer_ids),
        await _of(session, MuteRow, customer_ids, col(MuteRow.ended_at).is_(None)),
        {
            one: sorted(each, key=lambda row: row.used_at, reverse=True)
            for one, each in devices.items()
        },
        frozenset(await suppressions.suppressed(session, dict.fromkeys(pairs))),
    )


async def _of(
    session: AsyncSession, table: type[R], customer_ids: Sequence[str], *where: object
) -> dict[str, list[R]]:
    """Return the rows of some customers in the order of their numbers."""
    columns = table.__table__.c  # type: ignore[attr-defined]
    number = columns["seq"] if table is EventRow else columns["id"]
    query = select(table).where(columns["customer_id"].in_(customer_ids), *where)  # type: ignore[arg-type]
    found: dict[str, list[R]] = {}
    for row in await session.exec(query.order_by(number)):
        found.setdefault(row.customer_id, []).append(row)  # type: ignore[attr-defined]
    return found


async def _pointers(session: AsyncSession, customer_ids: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    ends = {one: one for one in customer_ids}
    while ends:
        query = select(CustomerRow.customer_id, CustomerRow.joined_to).where(
            col(CustomerRow.joined_to).in_(sorted(ends))
        )
        pointers = {one: ends[to] for one, to in await session.exec(query) if to is not None}
        for one, root in pointers.items():
            found.setdefault(root, []).append(one)
        ends = pointers
    return found
