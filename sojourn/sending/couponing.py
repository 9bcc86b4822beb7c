"""The codes that messages hand out: reserved for a claim, made up for a preview."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.calendar import zone
from sojourn.domain.coupon_codes import specimen
from sojourn.domain.coupons import Coupon, Pool, Pools
from sojourn.domain.messages import Delivery
from sojourn.store import Store, coupon_stock, coupons
from sojourn.store.coupons import Wanted

NO_POOLS = Pools()


@dataclass(frozen=True)
class Taker:
    """A message that takes a code.

    Args:
        customer_id: whose message it is; after an alias call, the id that holds everything.
        timezone: the customer's, an IANA name: a code's days are counted in it.
    """

    customer_id: str
    timezone: str


async def why_none(
    session: AsyncSession, delivery: Delivery, pools: Pools, now: datetime, timezone: str
) -> str:
    """Say why a message that hands out a code would get none.

    Args:
        session: any session.
        delivery: the message.
        pools: of the project.
        now: by the journey's clock.
        timezone: the customer's.

    Returns:
        The reason for the ledger; empty if it would get one, or hands out none.
    """
    name = delivery.coupon
    pool = pools.get(name)
    open_ = pool is not None and not pool.is_over(now, zone(timezone))
    if not name or (open_ and await coupons.is_left(session, name, delivery.message_id)):
        return ""
    return why_missing(pools, name, now, timezone)


def why_missing(pools: Pools, name: str, now: datetime, timezone: str) -> str:
    """Say why a pool gave no code to a message.

    Args:
        pools: of the project.
        name: of the pool.
        now: by the journey's clock.
        timezone: the customer's.

    Returns:
        The reason for the ledger.
    """
    pool = pools.get(name)
    if pool is None:
        return f"the project has no pool {name}"
    if pool.is_over(now, zone(timezone)):
        return f"the last day of the pool {name} was {pool.last_day}"
    return f"no code is left in the pool {name}"


async def reserve(
    session: AsyncSession, delivery: Delivery, taker: Taker, pools: Pools, now: datetime
) -> Coupon | None:
    """Reserve the code of a message, as `reserve_many` does of several.

    Args:
        session: a writing transaction that holds the customer.
        delivery: the message, which names a pool.
        taker: whose message it is.
        pools: of the project.
        now: by the journey's clock.

    Returns:
        The coupon; None if there is none for it.
    """
    takers = {delivery.message_id: taker}
    found = await reserve_many(session, delivery.coupon, takers, pools, now)
    return found.get(delivery.message_id)


async def reserve_many(
    session: AsyncSession, name: str, takers: Mapping[str, Taker], pools: Pools, now: datetime
) -> Mapping[str, Coupon]:
    """Reserve a code for each of some messages, in the transaction that claims them.

    Each attempt at a message gets the same code. Somebody is told if there are too few.

    Args:
        session: a writing transaction that holds the customers.
        name: of the pool; an earlier release of the project may have had it.
        takers: by the message's name in the ledger (`Delivery.message_id`).
        pools: of the project.
        now: by the journey's clock.

    Returns:
        The coupons by message; a message without one must not go, and is skipped as ``no_coupon``.
    """
    pool = pools.get(name)
    wanted = {} if pool is None else _wanted(pool, takers, now)
    codes = await coupons.reserve_many(session, name, wanted, now=now)
    if len(codes) < len(wanted):
        await coupon_stock.tell_empty(session, name, datetime.now(UTC))
    if pool is None:
        return {}
    return {
        message_id: Coupon(pool, code, wanted[message_id].until)
        for message_id, code in codes.items()
    }


def _wanted(pool: Pool, takers: Mapping[str, Taker], now: datetime) -> dict[str, Wanted]:
    """Return the wishes of the takers in whose zones the pool is not over."""
    zones = {message_id: zone(taker.timezone) for message_id, taker in takers.items()}
    return {
        message_id: Wanted(taker.customer_id, pool.until(now, zones[message_id]))
        for message_id, taker in takers.items()
        if not pool.is_over(now, zones[message_id])
    }


def made_up(delivery: Delivery, pools: Pools, now: datetime, timezone: str) -> Coupon | None:
    """Return a specimen of a message's coupon: no code of the pool, and none is used up.

    Args:
        delivery: the message.
        pools: of the project.
        now: the moment at which it would leave.
        timezone: the customer's, an IANA name.

    Returns:
        The specimen; None if the message hands out no code.
    """
    pool = pools.get(delivery.coupon)
    if pool is None:
        return None
    return Coupon(pool, specimen(pool.pattern), pool.until(now, zone(timezone)))


async def look(store: Store, pools: Pools, now: datetime) -> Mapping[str, int]:
    """Count the free codes of each pool, and tell of those that have too few.

    Args:
        store: open.
        pools: of the project.
        now: by the machine's clock.

    Returns:
        The numbers, by the names of the pools.
    """
    async with store.reading() as session:
        free = {name: await coupon_stock.free(session, name) for name in pools}
    for name, pool in pools.items():
        if free[name] < pool.low_water:
            async with store.transaction() as session:
                await coupon_stock.tell_low(session, name, free[name], mark=pool.low_water, now=now)
    return free
