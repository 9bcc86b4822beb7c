"""Joining: two ids prove to be one person, and every row moves to one of them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, text, update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.customer import Customer
from sojourn.store import cards, lists, members, mutes, people, surveys
from sojourn.store.dialects import is_postgresql
from sojourn.store.tables import (
    AddressRow,
    ChoiceRow,
    ConsentRow,
    CouponRow,
    CouponUseRow,
    DeviceRow,
    EntryRow,
    EventRow,
    ExposureRow,
    HookCallRow,
    IdentifyRow,
    LedgerRow,
    MuteRow,
    RequestRow,
    RestrictionRow,
    RunRow,
    SecretRow,
    TaskRow,
    TicketRow,
)
from sojourn.store.tombstones import is_tombstone

MOVED = (
    EventRow,
    ConsentRow,
    ChoiceRow,
    AddressRow,
    DeviceRow,
    LedgerRow,
    EntryRow,
    MuteRow,
    IdentifyRow,
    RestrictionRow,
    TaskRow,
    TicketRow,
    RequestRow,
    SecretRow,
    CouponRow,
    CouponUseRow,
    ExposureRow,
    HookCallRow,
)
"""Tables whose rows follow the person; runs move as well."""

ALIAS_LOCK = 0x50_10_A1_1A  # no other program locks this number in our database


@dataclass(frozen=True)
class Joined:
    """The result of a join.

    Args:
        customer_id: the id that holds everything now.
        moved: False if both ids were one person before.
        former: the two cards before they were merged, the one that was given up first.
        runs: the numbers of the runs that moved.
    """

    customer_id: str
    moved: bool
    former: tuple[Customer, ...] = ()
    runs: frozenset[int] = frozenset()


async def join(
    session: AsyncSession, previous_id: str, customer_id: str, *, at: datetime
) -> Joined:
    """Make two ids one person: everything of ``previous_id`` moves to ``customer_id``.

    Ids that no call has named yet are joined too. If both ids lead to the same row, they are one
    person already and nothing happens.

    Args:
        session: a writing transaction that holds no customer.
        previous_id: the id that stays as a pointer.
        customer_id: the id that everything moves to; if it is a pointer, everything moves to the
            id it leads to.
        at: the moment of the alias call.

    Returns:
        The result of the join.
    """
    if is_postgresql(session):
        # One join at a time: no id becomes a pointer while this join waits for it, so no other
        # transaction can hold a pointer and wait for this one.
        await session.exec(text("SELECT pg_advisory_xact_lock(:n)").bindparams(n=ALIAS_LOCK))  # type: ignore[call-overload]
    old_id = await people.resolve(session, previous_id)
    new_id = await people.resolve(session, customer_id)
    if old_id == new_id or is_tombstone(old_id) or is_tombstone(new_id):
        # an erased person stays nobody, and the other id keeps its own
        return Joined(new_id, moved=False)
    # rows are locked in the order of their ids, as in `people.lock_all`
    rows = {each: await people.hold(session, each) for each in sorted((old_id, new_id))}
    old, new = rows[old_id], rows[new_id]
    former = (cards.card(old), cards.card(new))
    moved = await _move(session, old_id, new_id)
    await cards.merge(session, old, new)
    old.joined_to, old.joined_at, new.merged = new_id, at, True
    session.add_all([old, new])
    await mutes.refresh(session, new)
    await lists.move(session, old_id, new_id)
    await members.move(session, old_id, new_id)
    await surveys.move(session, old_id, new_id)
    return Joined(new_id, moved=True, former=former, runs=frozenset(moved))


async def _move(session: AsyncSession, old_id: str, new_id: str) -> set[int]:
    """Move every row; return the numbers of the runs among them."""
    # in one statement: a customer may have thousands, and each row is written again
    await session.exec(
        update(EventRow)
        .where(col(EventRow.customer_id) == old_id)
        .values(customer_id=new_id, sent_as=func.coalesce(EventRow.sent_as, old_id))
        .execution_options(synchronize_session=False)
    )
    for table in MOVED:
        if table is EventRow:
            continue
        await session.exec(
            update(table).where(col(table.customer_id) == old_id).values(customer_id=new_id)
        )
    moved = await session.exec(
        update(RunRow)
        .where(col(RunRow.customer_id) == old_id)
        .values(customer_id=new_id)
        .returning(col(RunRow.id))
    )
    return set(moved.scalars())
