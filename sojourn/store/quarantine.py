"""Quarantine: calls of known events that do not validate, kept until an operator mends them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.store.dialects import insert
from sojourn.store.tables import QuarantineRow


async def add(session: AsyncSession, row: QuarantineRow) -> None:
    """Keep a call; a call that is already kept stays as it is."""
    await session.exec(
        insert(session, QuarantineRow)
        .values(row.model_dump(exclude={"id"}))
        .on_conflict_do_nothing(index_elements=["digest"])
    )


async def find(session: AsyncSession, number: int) -> QuarantineRow | None:
    """Return the call with this number; None if there is no such call."""
    return await session.get(QuarantineRow, number)


async def hold(session: AsyncSession, number: int) -> QuarantineRow | None:
    """Return the call with this number, and lock it until the transaction ends."""
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
    """Return calls in quarantine, oldest first.

    Args:
        session: any session.
        name: only calls of this event.
        reason: only calls whose fault, ``path: reason``, contains this text.
        since: only calls received at this moment or later.
        settled: include calls that were redriven or dropped.
        limit: the most calls to return; None means all.

    Returns:
        The rows.
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
    """Return the numbers of open calls, oldest first; ``name`` limits them to one event."""
    query = select(QuarantineRow.id).where(col(QuarantineRow.settled_at).is_(None))
    if name is not None:
        query = query.where(QuarantineRow.name == name)
    numbers = await session.exec(query.order_by(col(QuarantineRow.id)))
    return [number for number in numbers if number is not None]


async def counts(session: AsyncSession) -> Sequence[tuple[str, str, int]]:
    """Count the open calls by event and field at fault, for the metrics."""
    query = (
        select(QuarantineRow.name, QuarantineRow.path, func.count())
        .where(col(QuarantineRow.settled_at).is_(None))
        .group_by(col(QuarantineRow.name), col(QuarantineRow.path))
        .order_by(col(QuarantineRow.name), col(QuarantineRow.path))
    )
    return (await session.exec(query)).all()


def mend(row: QuarantineRow, call: dict[str, Any], at: datetime) -> None:
    """Replace the call that was sent with one that validates.

    Args:
        row: the call's row.
        call: the mended call.
        at: the moment of mending, by the machine's clock.
    """
    row.call, row.mended_at = call, at


def settle(row: QuarantineRow, outcome: str, at: datetime) -> None:
    """Note that a call needs no more work.

    Args:
        row: the call's row.
        outcome: ``redriven`` or ``dropped``.
        at: when it was settled, by the machine's clock.
    """
    row.outcome, row.settled_at = outcome, at
