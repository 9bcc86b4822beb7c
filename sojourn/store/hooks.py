"""Hooks: what each address is still to be told, in the order of each customer."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, or_, update
from sqlalchemy.orm import aliased
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.store import locks
from sojourn.store.tables import ChangeRow, HookCallRow, HookRow

LOCK = locks.number("hooks")


@dataclass(frozen=True, slots=True)
class News:
    """A change that brought something into a new state.

    Args:
        seq: its number.
        kind: of what.
        ref: the number of the row in the table of its kind.
        state: since then.
    """

    seq: int
    kind: str
    ref: int
    state: str


async def alone(session: AsyncSession) -> None:
    """Let nobody else write down news until the transaction ends."""
    await locks.hold(session, LOCK)


async def row_of(session: AsyncSession, name: str) -> HookRow | None:
    """Return how far an address is told; None: it has not begun."""
    return await session.get(HookRow, name, populate_existing=True)


async def news_since(session: AsyncSession, seq: int, upto: int, limit: int) -> list[News]:
    """Return news in its order.

    Args:
        session: any session.
        seq: only later news.
        upto: this number at most.
        limit: so many at most.

    Returns:
        The news.
    """
    query = (
        select(ChangeRow.news, ChangeRow.kind, ChangeRow.ref, ChangeRow.state)
        .where(col(ChangeRow.news) > seq, col(ChangeRow.news) <= upto)
        .order_by(col(ChangeRow.news))
        .limit(limit)
    )
    return [News(*row) for row in await session.exec(query)]


async def waiting(session: AsyncSession, name: str) -> tuple[int, int]:
    """Return how many calls wait for an address, and how many of them have failed."""
    query = select(func.count(), func.count().filter(col(HookCallRow.tries) > 0)).where(
        HookCallRow.hook == name
    )
    every, failed = (await session.exec(query)).one()
    return every, failed


async def lease(session: AsyncSession, name: str, now: datetime, until: datetime) -> bool:
    """Take an address for this worker alone.

    Args:
        session: a writing transaction.
        name: of the address.
        now: by the machine's clock.
        until: afterwards another worker may have it.

    Returns:
        False if another has it, or its breaker is open.
    """
    taken = await session.exec(
        update(HookRow)
        .where(
            col(HookRow.name) == name,
            or_(col(HookRow.leased_until).is_(None), col(HookRow.leased_until) <= now),
            or_(col(HookRow.open_until).is_(None), col(HookRow.open_until) <= now),
        )
        .values(leased_until=until)
    )
    return taken.rowcount == 1


async def due(session: AsyncSession, name: str, now: datetime, limit: int) -> Sequence[HookCallRow]:
    """Return the oldest call of each customer, of those that are due.

    Args:
        session: any session.
        name: of the address.
        now: by the machine's clock.
        limit: so many at most, first those that have failed the least.

    Returns:
        The calls, one a customer.
    """
    before = aliased(HookCallRow)
    query = (
        select(HookCallRow)
        .where(
            HookCallRow.hook == name,
            or_(col(HookCallRow.next_at).is_(None), col(HookCallRow.next_at) <= now),
            ~select(before.id)
            .where(
                before.hook == HookCallRow.hook,
                before.customer_id == HookCallRow.customer_id,
                col(before.id) < col(HookCallRow.id),
            )
            .exists(),
        )
        .order_by(col(HookCallRow.tries), col(HookCallRow.id))
        .limit(limit)
    )
    return (await session.exec(query)).all()


async def told(session: AsyncSession, ids: Collection[int]) -> None:
    """Forget calls that were taken, or are given up."""
    if ids:
        await session.exec(delete(HookCallRow).where(col(HookCallRow.id).in_(ids)))


async def again(session: AsyncSession, call: HookCallRow, at: datetime) -> None:
    """Have a call posted once more.

    Args:
        session: a writing transaction.
        call: as it was read.
        at: when.
    """
    await session.exec(
        update(HookCallRow)
        .where(col(HookCallRow.id) == call.id)
        .values(tries=call.tries + 1, next_at=at)
    )


async def go_back(session: AsyncSession, name: str, seq: int) -> None:
    """Have an address told once more what came after a number.

    Args:
        session: a writing transaction.
        name: of the address, which has begun.
        seq: of the news.
    """
    await alone(session)
    await session.exec(
        delete(HookCallRow).where(col(HookCallRow.hook) == name, col(HookCallRow.seq) > seq)
    )
    row = await row_of(session, name)
    assert row is not None, "it has begun"
    row.seq = min(seq, row.seq)
    session.add(row)
