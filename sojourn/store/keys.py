"""Write keys: who may send events. The key itself is shown once; its SHA-256 is kept."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.store.tables import WriteKeyRow


def digest(key: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


async def add(
    session: AsyncSession,
    name: str,
    *,
    events: Sequence[str] | None = None,
    rate: int | None = None,
) -> tuple[WriteKeyRow, str]:
    """Make a key.

    Args:
        session: of a transaction.
        name: what people call it.
        events: what it may send: event names, ``identify``, ``alias``; None: all.
        rate: calls a second; None: no limit of its own.

    Returns:
        Its row, and the key, which cannot be had again.
    """
    key = f"sj_{secrets.token_urlsafe(24)}"
    row = WriteKeyRow(
        id=f"key_{secrets.token_hex(4)}",
        digest=digest(key),
        name=name,
        events=None if events is None else list(events),
        rate=rate,
        created_at=datetime.now(UTC),
    )
    session.add(row)
    await session.flush()
    return row, key


async def valid(session: AsyncSession, key: str) -> WriteKeyRow | None:
    """The row of a key, if there is one and it is not revoked."""
    rows = await session.exec(
        select(WriteKeyRow).where(
            WriteKeyRow.digest == digest(key), col(WriteKeyRow.revoked_at).is_(None)
        )
    )
    return rows.first()


async def listed(session: AsyncSession) -> Sequence[WriteKeyRow]:
    """Every key there ever was, the oldest first."""
    order = (col(WriteKeyRow.created_at), col(WriteKeyRow.id))
    return (await session.exec(select(WriteKeyRow).order_by(*order))).all()


async def revoke(session: AsyncSession, key_id: str) -> WriteKeyRow | None:
    """Take a key back, for good; None: there is no such key. Again does no harm."""
    row = await session.get(WriteKeyRow, key_id)
    if row is not None:
        row.revoked_at = row.revoked_at or datetime.now(UTC)
        session.add(row)
    return row
