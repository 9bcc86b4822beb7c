"""Coupons for operators: the stock of the pools, and who has a code."""

from datetime import datetime

from pydantic import BaseModel
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.coupons import Pools
from sojourn.domain.errors import BadInput
from sojourn.domain.states import CouponState, MessageState
from sojourn.store import coupon_stock, coupon_uses, people
from sojourn.store.coupon_stock import Stock
from sojourn.store.tables import CouponRow, LedgerRow


class PoolShown(BaseModel):
    """A pool, and the numbers of its codes.

    Args:
        pool: its name.
        declared: the project has it; codes of a pool that it no longer has go to nobody.
        free: the next messages may have them.
        reserved: messages have them, and they are good.
        expired: messages had them, and they are not good any more.
        used: orders named them.
        retired: their messages were not sent, but a provider had seen them.
        withdrawn: an operator took them out.
        low_water: fewer free codes raise an alert; 0: there is no alert.
        is_low: there are fewer.
    """

    pool: str
    declared: bool
    free: int
    reserved: int
    expired: int
    used: int
    retired: int
    withdrawn: int
    low_water: int
    is_low: bool


class Use(BaseModel):
    """An order that named a code.

    Args:
        order_id: the order's id, as the shop writes it.
        customer_id: the customer who ordered.
        at: when it was ordered.
        by_another: another customer ordered than the one who was given the code.
    """

    order_id: str
    customer_id: str
    at: datetime
    by_another: bool


class CodeShown(BaseModel):
    """A code, and its history.

    Args:
        code: the code as it is handed out.
        pool: its pool.
        state: free, reserved, expired, used, retired or withdrawn.
        added_at: when it came into the pool.
        source: the operator who brought it, and the file.
        customer_id: the customer who was given it; None if nobody was, or it is no longer known.
        journey: the journey of the message that has it.
        step: the step of that message.
        message: the message's number in the ledger; None if no message has it.
        message_state: the state of the message.
        reserved_at: when it was reserved, by the journey's clock.
        expires_at: until when it is good; None: it has no end.
        uses: the orders that named it, oldest first.
    """

    code: str
    pool: str
    state: str
    added_at: datetime
    source: str
    customer_id: str | None = None
    journey: str | None = None
    step: str | None = None
    message: int | None = None
    message_state: MessageState | None = None
    reserved_at: datetime | None = None
    expires_at: datetime | None = None
    uses: list[Use] = []


async def pools(session: AsyncSession, declared: Pools, now: datetime) -> list[PoolShown]:
    """Return the pools of the project, and other pools that have codes.

    Args:
        session: any session.
        declared: the project's pools.
        now: the moment at which codes may have expired.

    Returns:
        The pools, those of the project first, in the order of its file.
    """
    stocks = await coupon_stock.stocks(session, now)
    names = dict.fromkeys((*declared, *stocks))
    return [_pool(name, declared, stocks.get(name, Stock())) for name in names]


def _pool(name: str, declared: Pools, stock: Stock) -> PoolShown:
    mark = declared[name].low_water if name in declared else 0
    return PoolShown(
        pool=name,
        declared=name in declared,
        free=stock.free,
        reserved=stock.reserved,
        expired=stock.expired,
        used=stock.used,
        retired=stock.retired,
        withdrawn=stock.withdrawn,
        low_water=mark,
        is_low=stock.free < mark,
    )


async def show(session: AsyncSession, code: str, now: datetime) -> CodeShown:
    """Return a code and its history.

    Args:
        session: any session.
        code: the code, however it is typed.
        now: the moment at which it may have expired.

    Returns:
        The code.

    Raises:
        BadInput: no pool has it.
    """
    row = await coupon_stock.find(session, code)
    if row is None:
        raise BadInput(f'no pool has a code "{code}": capitals, spaces and hyphens do not matter')
    return await _shown(session, row, now)


async def of_customer(session: AsyncSession, customer_id: str, now: datetime) -> list[CodeShown]:
    """Return the codes that a customer was given, oldest first.

    Args:
        session: any session.
        customer_id: any id of the customer.
        now: the moment at which codes may have expired.

    Returns:
        The codes.
    """
    home = await people.resolve(session, customer_id)
    query = select(CouponRow).where(CouponRow.customer_id == home)
    rows = (await session.exec(query.order_by(col(CouponRow.reserved_at), col(CouponRow.id)))).all()
    return [await _shown(session, row, now) for row in rows]


async def _shown(session: AsyncSession, row: CouponRow, now: datetime) -> CodeShown:
    message = await _message(session, row)
    assert row.id is not None
    return CodeShown(
        code=row.code,
        pool=row.pool,
        state=_state(row, now),
        added_at=row.added_at,
        source=row.source,
        customer_id=row.customer_id,
        journey=message.journey if message else None,
        step=message.step if message else None,
        message=message.id if message else None,
        message_state=message.state if message else None,
        reserved_at=row.reserved_at,
        expires_at=row.expires_at,
        uses=[
            Use(
                order_id=one.order_id,
                customer_id=one.customer_id,
                at=one.at,
                by_another=one.customer_id != row.customer_id,
            )
            for one in await coupon_uses.of_coupon(session, row.id)
        ],
    )


def _state(row: CouponRow, now: datetime) -> str:
    late = row.expires_at is not None and row.expires_at < now
    return "expired" if row.state is CouponState.RESERVED and late else str(row.state)


async def _message(session: AsyncSession, row: CouponRow) -> LedgerRow | None:
    """Return the message that has a code, on the channel that it took last."""
    if row.message_id is None:
        return None
    query = select(LedgerRow).where(LedgerRow.message_id == row.message_id)
    return (await session.exec(query.order_by(col(LedgerRow.id).desc()).limit(1))).first()
