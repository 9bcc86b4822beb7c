"""Pools with codes, and their state in the store."""

from datetime import UTC, datetime

from sqlmodel import select

from sojourn.store import Store, coupon_stock
from sojourn.store.coupon_stock import Stock
from sojourn.store.tables import CouponRow


async def stock(store: Store, pool: str, *codes: str) -> None:
    async with store.transaction() as session:
        at = datetime.now(UTC)
        assert len(await coupon_stock.add(session, pool, codes, at=at, source="test")) == len(codes)


async def rows_of(store: Store, pool: str) -> list[CouponRow]:
    async with store.reading() as session:
        query = select(CouponRow).where(CouponRow.pool == pool).order_by(CouponRow.code)
        return list(await session.exec(query))


async def states(store: Store, pool: str) -> dict[str, str]:
    return {row.code: str(row.state) for row in await rows_of(store, pool)}


async def stock_of(store: Store, pool: str, now: datetime | None = None) -> Stock:
    async with store.reading() as session:
        found = await coupon_stock.stocks(session, now or datetime.now(UTC))
    return found.get(pool, Stock())
