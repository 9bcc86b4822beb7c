"""Orders that name codes: the first one uses a code, and others are noted as well."""

from collections.abc import Iterable, Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.coupon_orders import codes_in
from sojourn.domain.events import Events, OrderCompleted
from sojourn.domain.keys import plain
from sojourn.domain.states import CouponState
from sojourn.store.dialects import insert
from sojourn.store.tables import CouponRow, CouponUseRow, EventRow


async def note(session: AsyncSession, rows: Iterable[EventRow], known: Events) -> None:
    """Note the codes that new orders name; an order that is told twice counts once.

    A code that nobody had is used up as well: somebody knows it.

    Args:
        session: the writing transaction that stores the events.
        rows: the new events, in the order of their arrival.
        known: the project's events, by wire name.
    """
    orders = [(row, codes) for row in rows if (codes := _named(row, known))]
    if not orders:
        return
    wanted = {code for _, codes in orders for code in codes}
    query = (
        select(CouponRow)
        .where(col(CouponRow.compared).in_(wanted))
        .order_by(col(CouponRow.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    coupons = {row.compared: row for row in await session.exec(query)}
    for row, codes in orders:
        for coupon in (coupons[code] for code in codes if code in coupons):
            if await _is_new(session, coupon, row) and coupon.state is not CouponState.USED:
                coupon.state, coupon.used_at = CouponState.USED, row.occurred_at
                session.add(coupon)
    await session.flush()


def _named(row: EventRow, known: Events) -> Sequence[str]:
    """Return the codes that an event names, if it is an order and no copy of one."""
    kind = known.get(row.name)
    if kind is None or not issubclass(kind, OrderCompleted) or row.copy_of is not None:
        return ()
    return codes_in(row.properties, (row.as_sent or {}).get("properties"))


async def _is_new(session: AsyncSession, coupon: CouponRow, row: EventRow) -> bool:
    """Note an order that names a code; return whether it was not noted before."""
    order_id = plain(row.properties.get("order_id")) or row.message_id
    added = await session.exec(
        insert(session, CouponUseRow)
        .values(
            coupon_id=coupon.id,
            customer_id=row.customer_id,
            message_id=row.message_id,
            order_id=order_id,
            at=row.occurred_at,
        )
        .on_conflict_do_nothing(index_elements=["coupon_id", "order_id"])
        .returning(col(CouponUseRow.id))
    )
    return added.scalar_one_or_none() is not None


async def of_coupon(session: AsyncSession, coupon_id: int) -> Sequence[CouponUseRow]:
    """Return the orders that named a code, oldest first."""
    query = select(CouponUseRow).where(CouponUseRow.coupon_id == coupon_id)
    return (await session.exec(query.order_by(col(CouponUseRow.at), col(CouponUseRow.id)))).all()
