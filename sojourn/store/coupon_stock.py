"""The stock of the pools: codes that come in, what is left of them, and warnings of running low."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, func, or_, text, update
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.coupon_codes import comparable
from sojourn.domain.states import CouponState
from sojourn.store.dialects import insert
from sojourn.store.tables import IS_FREE, CouponPoolRow, CouponRow

POOLS = SQLModel.metadata.tables["coupon_pools"]
AGAIN_AFTER = timedelta(days=1)
"""The least time between two warnings of one kind about one pool."""
AT_ONCE = 1000
"""Rows of one statement."""
log = logging.getLogger("sojourn.coupons")


@dataclass(frozen=True)
class Stock:
    """The codes of a pool, by what became of them.

    Args:
        free: the next messages may have them.
        reserved: messages have them, and they are good.
        expired: messages had them, nobody used them, and they are not good any more.
        used: orders named them.
        retired: their messages were not sent, but a provider had seen them.
        withdrawn: an operator took them out.
    """

    free: int = 0
    reserved: int = 0
    expired: int = 0
    used: int = 0
    retired: int = 0
    withdrawn: int = 0


# ---- codes come in, and are taken out ------------------------------------------------------


async def add(
    session: AsyncSession, pool: str, codes: Iterable[str], *, at: datetime, source: str
) -> set[str]:
    """Add codes to a pool; those that any pool has already stay as they are.

    Args:
        session: a writing transaction.
        pool: the name of the pool.
        codes: as they are handed out.
        at: the moment.
        source: who brings them, and out of which file.

    Returns:
        The new ones, as `comparable` spells them.
    """
    rows = [
        {
            "pool": pool,
            "code": code,
            "compared": comparable(code),
            "state": CouponState.FREE,
            "added_at": at,
            "source": source,
        }
        for code in codes
    ]
    new: set[str] = set()
    for first in range(0, len(rows), AT_ONCE):
        added = await session.exec(
            insert(session, CouponRow)
            .values(rows[first : first + AT_ONCE])
            .on_conflict_do_nothing(index_elements=["compared"])
            .returning(col(CouponRow.compared))
        )
        new.update(added.scalars())
    return new


async def withdraw(session: AsyncSession, pool: str, compared: Collection[str]) -> int:
    """Take codes that nobody has out of a pool.

    Args:
        session: a writing transaction.
        pool: the name of the pool.
        compared: the codes, as `comparable` spells them.

    Returns:
        How many were taken out.
    """
    changed = await session.exec(
        update(CouponRow)
        .where(
            col(CouponRow.pool) == pool,
            col(CouponRow.compared).in_(compared),
            col(CouponRow.state) == CouponState.FREE,
        )
        .values(state=CouponState.WITHDRAWN)
        .execution_options(synchronize_session=False)
    )
    return int(changed.rowcount)


async def known(session: AsyncSession, compared: Collection[str]) -> Mapping[str, CouponRow]:
    """Return the rows of those codes that a pool has, as `comparable` spells them."""
    query = select(CouponRow).where(col(CouponRow.compared).in_(compared))
    return {row.compared: row for row in await session.exec(query)}


async def find(session: AsyncSession, code: str) -> CouponRow | None:
    """Return a code, however it was typed; None if no pool has it."""
    query = select(CouponRow).where(CouponRow.compared == comparable(code))
    return (await session.exec(query)).first()


async def page(session: AsyncSession, pool: str, *, after: int, limit: int) -> Sequence[CouponRow]:
    """Return a part of a pool, in the order in which its codes came.

    Args:
        session: any session.
        pool: the name of the pool.
        after: the number of the last row of the part before; 0 at the beginning.
        limit: the most to return.

    Returns:
        The rows.
    """
    query = select(CouponRow).where(CouponRow.pool == pool, col(CouponRow.id) > after)
    return (await session.exec(query.order_by(col(CouponRow.id)).limit(limit))).all()


# ---- what is left --------------------------------------------------------------------------


async def stocks(session: AsyncSession, now: datetime) -> Mapping[str, Stock]:
    """Count the codes of every pool that has any, by what became of them.

    Args:
        session: any session.
        now: the moment, for what has expired.

    Returns:
        The stocks, by the names of the pools.
    """
    late = and_(
        col(CouponRow.state) == CouponState.RESERVED,
        col(CouponRow.expires_at) < now,
    )
    what = case((late, "expired"), else_=col(CouponRow.state)).label("what")
    query = select(CouponRow.pool, what, func.count()).group_by(CouponRow.pool, what)
    found: dict[str, dict[str, int]] = {}
    for pool, state, number in await session.exec(query):
        found.setdefault(pool, {})[str(state)] = number
    return {pool: Stock(**numbers) for pool, numbers in sorted(found.items())}


async def free(session: AsyncSession, pool: str) -> int:
    """Count the free codes of a pool."""
    query = select(func.count()).select_from(CouponRow).where(text(IS_FREE), CouponRow.pool == pool)
    return (await session.exec(query)).one()


# ---- who was told --------------------------------------------------------------------------


async def tell_empty(session: AsyncSession, pool: str, now: datetime) -> None:
    """Log that a message was skipped for want of a code: once a day, over all workers.

    Args:
        session: the writing transaction that skips it.
        pool: the name of the pool.
        now: by the machine's clock.
    """
    if await _is_news(session, pool, col(CouponPoolRow.empty_at), now):
        log.error(
            "no code is left in the pool %s: its messages are skipped; `sojourn coupon import` "
            "and `sojourn coupon make` add some",
            pool,
        )


async def tell_low(
    session: AsyncSession, pool: str, left: int, *, mark: int, now: datetime
) -> bool:
    """Log that few codes of a pool are left: once a day, over all workers.

    Args:
        session: a writing transaction.
        pool: the name of the pool.
        left: how many are free.
        mark: fewer than so many are few.
        now: by the machine's clock.

    Returns:
        True if it was logged.
    """
    news = await _is_news(session, pool, col(CouponPoolRow.low_at), now)
    if news:
        log.warning(
            "%d codes are left in the pool %s, fewer than its low water of %d", left, pool, mark
        )
    return news


async def _is_news(session: AsyncSession, pool: str, told: Any, now: datetime) -> bool:
    """Note that a warning about a pool is logged now, unless one was within a day."""
    addition = insert(session, CouponPoolRow).values(name=pool)
    await session.exec(addition.on_conflict_do_nothing())
    changed = await session.exec(
        update(CouponPoolRow)
        .where(col(CouponPoolRow.name) == pool, or_(told.is_(None), told <= now - AGAIN_AFTER))
        .values({told.key: now})
        .execution_options(synchronize_session=False)
    )
    return bool(changed.rowcount == 1)
