"""Coupons: which message has which code.

A code is reserved under the name of the message, in the transaction that claims it, so that every
attempt and every channel of the message gets the same one. Once it is certain that the message does
not go, the code is free again if no provider ever saw it, and retired otherwise: who knows a code
may use it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, func, text, update
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.states import CouponState, MessageState
from sojourn.store.tables import IS_FREE, CouponRow, LedgerRow

COUPONS = SQLModel.metadata.tables["coupons"]
MOMENT = COUPONS.c.reserved_at.type
_MAY_GO = (
    MessageState.DEFERRED,
    MessageState.CLAIMED,
    MessageState.SUBMITTING,
    MessageState.SENT,
    MessageState.UNKNOWN,
)
"""The states of messages that have gone, may have gone, or may still go."""


@dataclass(frozen=True)
class Wanted:
    """A message that wants a code.

    Args:
        customer_id: whose message it is.
        until: until when the code is good for that customer; None: it has no end.
    """

    customer_id: str
    until: datetime | None = None


# ---- a message takes its code --------------------------------------------------------------


async def reserve_many(
    session: AsyncSession, pool: str, wanted: Mapping[str, Wanted], *, now: datetime
) -> Mapping[str, str]:
    """Reserve a code for each message; one that has a code of the pool keeps it.

    No two transactions get the same code, and none waits for another one's.

    Args:
        session: a writing transaction that holds the customers.
        pool: the name of the pool.
        wanted: the messages, by their names in the ledger (`Delivery.message_id`).
        now: by the journey's clock.

    Returns:
        The codes by message; those of messages for which none was left are missing.
    """
    if not wanted:
        return {}
    held = select(CouponRow.id, CouponRow.message_id, CouponRow.code).where(
        CouponRow.pool == pool, col(CouponRow.message_id).in_(list(wanted))
    )
    taken: dict[str, tuple[int | None, str]] = {
        message_id: (number, code)
        for number, message_id, code in await session.exec(held)
        if message_id is not None
    }
    without = [message_id for message_id in wanted if message_id not in taken]
    if without:
        free = (
            select(CouponRow.id, CouponRow.code)
            .where(text(IS_FREE), CouponRow.pool == pool)
            .order_by(col(CouponRow.id))
            .limit(len(without))
            .with_for_update(skip_locked=True)
        )
        taken |= dict(zip(without, await session.exec(free), strict=False))
    if taken:
        await _reserve(session, {m: number for m, (number, _) in taken.items()}, wanted, now)
    return {message_id: code for message_id, (_, code) in taken.items()}


async def _reserve(
    session: AsyncSession,
    numbers: Mapping[str, int | None],
    wanted: Mapping[str, Wanted],
    now: datetime,
) -> None:
    """Note who has which code. An order may have used one before its retry: it stays used."""
    connection = await session.connection()
    await connection.execute(
        update(COUPONS)
        .where(COUPONS.c.id == bindparam("number"), COUPONS.c.state != CouponState.USED)
        .values(
            state=CouponState.RESERVED,
            message_id=bindparam("message"),
            customer_id=bindparam("customer"),
            reserved_at=func.coalesce(COUPONS.c.reserved_at, bindparam("now", type_=MOMENT)),
            expires_at=bindparam("until"),
        ),
        [
            {
                "number": number,
                "message": message_id,
                "customer": wanted[message_id].customer_id,
                "now": now,
                "until": wanted[message_id].until,
            }
            for message_id, number in numbers.items()
        ],
    )


async def is_left(session: AsyncSession, pool: str, message_id: str) -> bool:
    """Tell whether a message would get a code: it has one, or one is free.

    Args:
        session: any session.
        pool: the name of the pool.
        message_id: names the message in the ledger.

    Returns:
        True if it would.
    """
    has = select(CouponRow.id).where(CouponRow.pool == pool, CouponRow.message_id == message_id)
    free = select(CouponRow.id).where(text(IS_FREE), CouponRow.pool == pool)
    for query in (has, free):
        if (await session.exec(query.limit(1))).first() is not None:
            return True
    return False


# ---- what became of the message ------------------------------------------------------------


async def let_go(session: AsyncSession, told: Iterable[tuple[str, str | None]]) -> None:
    """Give up the codes of messages that certainly do not go.

    A message that may still go by another of its channels, or that may be out, keeps its code.

    Args:
        session: the writing transaction that has settled them.
        told: the names of messages, each with the pool of its code; None: it hands out none.
    """
    names = {message_id for message_id, pool in told if pool is not None}
    if not names:
        return
    ours = and_(
        col(CouponRow.message_id).in_(names),
        col(CouponRow.state) == CouponState.RESERVED,
        ~_has_row(col(LedgerRow.state).in_(_MAY_GO)),
    )
    seen = _has_row(col(LedgerRow.submitted_at).is_not(None))
    change = update(CouponRow).execution_options(synchronize_session=False)
    await session.exec(
        change.where(ours, ~seen).values(
            state=CouponState.FREE,
            message_id=None,
            customer_id=None,
            reserved_at=None,
            expires_at=None,
        )
    )
    await session.exec(change.where(ours).values(state=CouponState.RETIRED))


def _has_row(which: Any) -> Any:
    """Return the condition that the message of a code has such a row in the ledger."""
    of_it = col(LedgerRow.message_id) == col(CouponRow.message_id)
    return select(LedgerRow.id).where(of_it, which).correlate(CouponRow).exists()


async def bring_back(session: AsyncSession, told: Iterable[tuple[str, str | None]]) -> None:
    """Note that messages went after all, as a late proof says: their customers have the codes.

    Args:
        session: a writing transaction.
        told: as for `let_go`.
    """
    names = {message_id for message_id, pool in told if pool is not None}
    if not names:
        return
    await session.exec(
        update(CouponRow)
        .where(col(CouponRow.message_id).in_(names), col(CouponRow.state) == CouponState.RETIRED)
        .values(state=CouponState.RESERVED)
        .execution_options(synchronize_session=False)
    )
