"""Quarantine: calls that name a known event and do not validate, kept until somebody mends them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.store.dialects import insert
from sojourn.store.tables import QuarantineRow


async def add(session: AsyncSession, row: QuarantineRow) -> None:
    """Keep a call; one that is kept already stays as it is."""
    await session.exec(
        insert(session, QuarantineRow)
        .values(row.model_dump(exclude={"id"}))
        .on_conflict_do_nothing(index_elements=["digest"])
    )


async def find(session: AsyncSession, number: int) -> QuarantineRow | None:
    """The call with this number."""
    return await session.get(QuarantineRow, number)


async def hold(session: AsyncSession, number: int) -> QuarantineRow | None:
    """The call with this number, as it is now; nobody else changes it in this transaction."""
    query = select(QuarantineRow).where(QuarantineRow.id == number).with_for_update()
    return (await session.exec(query)).first()


async def listed(
    session: AsyncSession,
    *,
    name: str | None = None,
    reason: str | None = None,
    since: datetime | None = None,
    settled: bool = False,
    limit: int | None = None,
) -> Sequence[QuarantineRow]:
    """Calls in quarantine, oldest first.

    Args:
        session: any.
        name: of this event only.
        reason: only those whose fault, ``path: reason``, has this text in it.
        since: only those received at this moment or later.
        settled: also those that were redriven or dropped.
        limit: at most so many.
    """
    query = select(QuarantineRow).order_by(col(QuarantineRow.id)).limit(limit)
    if not settled:
        query = query.where(col(QuarantineRow.settled_at).is_(None))
    if name is not None:
        query = query.where(QuarantineRow.name == name)
    if since is not None:
        query = query.where(col(QuarantineRow.received_at) >= since)
    if reason is not None:
        fault = col(QuarantineRow.path) + ": " + col(QuarantineRow.reason)
        query = query.where(fault.contains(reason, autoescape=True))
    return (await session.exec(query)).all()


async def open_numbers(session: AsyncSession, *, name: str | None = None) -> Sequence[int]:
    """The numbers of calls that somebody should look after, oldest first; of one event or all."""
    query = select(QuarantineRow.id).where(col(QuarantineRow.settled_at).is_(None))
    if name is not None:
        query = query.where(QuarantineRow.name == name)
    numbers = await session.exec(query.order_by(col(QuarantineRow.id)))
    return [number for number in numbers if number is not None]


async def counts(session: AsyncSession) -> Sequence[tuple[str, str, int]]:
    """How many calls are open, by event and field at fault: for the metrics."""
    query = (
        select(QuarantineRow.name, QuarantineRow.path, func.count())
        .where(col(QuarantineRow.settled_at).is_(None))
        .group_by(col(QuarantineRow.name), col(QuarantineRow.path))
        .order_by(col(QuarantineRow.name), col(QuarantineRow.path))
    )
    return (await session.exec(query)).all()


def mend(row: QuarantineRow, call: dict[str, Any], at: datetime) -> None:
    """Put a call that validates in the place of the one that was sent."""
    row.call, row.mended_at = call, at


def settle(row: QuarantineRow, outcome: str, at: datetime) -> None:
    """Note that nothing is left to do about a call."""
    row.outcome, row.settled_at = outcome, at
