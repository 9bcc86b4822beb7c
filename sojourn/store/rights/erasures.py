"""The rows of erasures: proofs of what was done, and notes of what is left to do."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.store.tables import UNSCRUBBED, ErasureRow

SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(seconds=15), timedelta(minutes=10)
"""The pauses between two attempts to scrub the files: each attempt rewrites them."""


async def unfinished(session: AsyncSession) -> list[ErasureRow]:
    """Return the erasures that are not finished, oldest first."""
    query = select(ErasureRow).where(col(ErasureRow.finished_at).is_(None))
    return list((await session.exec(query.order_by(col(ErasureRow.id)))).all())


async def listed(session: AsyncSession, *, everything: bool, limit: int) -> list[ErasureRow]:
    """Return erasures, newest first.

    Args:
        session: any session.
        everything: include finished ones, whose data are gone from the files as well.
        limit: the most to return.

    Returns:
        The rows.
    """
    query = select(ErasureRow).order_by(col(ErasureRow.id).desc()).limit(limit)
    if not everything:
        query = query.where(text(UNSCRUBBED))
    return list((await session.exec(query)).all())


async def unscrubbed(session: AsyncSession) -> list[ErasureRow]:
    """Return finished erasures whose data may still be in the database's files, oldest first."""
    query = select(ErasureRow).where(text(UNSCRUBBED), col(ErasureRow.finished_at).is_not(None))
    return list((await session.exec(query.order_by(col(ErasureRow.id)))).all())


async def note_scrubbed(session: AsyncSession, before: datetime) -> None:
    """Note that the files no longer hold the data of erasures that were finished before a scrub.

    Args:
        session: a writing transaction.
        before: when the scrubbing began.
    """
    await session.exec(
        update(ErasureRow)
        .where(text(UNSCRUBBED), col(ErasureRow.finished_at) <= before)
        .values(scrubbed_at=datetime.now(UTC), scrub_after=None, fault=None)
    )


async def note_unscrubbed(session: AsyncSession, fault: str) -> None:
    """Note why a scrub failed, and when to try again: after ever longer pauses, up to ten minutes.

    Args:
        session: a writing transaction.
        fault: the reason.
    """
    now = datetime.now(UTC)
    for row in await unscrubbed(session):
        assert row.finished_at is not None
        pause = min(max(now - row.finished_at, SHORTEST_PAUSE), LONGEST_PAUSE)
        row.tries, row.fault, row.scrub_after = row.tries + 1, fault, now + pause
        session.add(row)


async def held(session: AsyncSession, number: int) -> ErasureRow | None:
    """Return an erasure, and lock its row until the transaction ends."""
    query = select(ErasureRow).where(ErasureRow.id == number).with_for_update()
    return (await session.exec(query.execution_options(populate_existing=True))).first()
