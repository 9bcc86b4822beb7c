"""Write keys: permission to send events. A key is shown once; the store keeps its SHA-256."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.store.tables import WriteKeyRow


class Kind(StrEnum):
    """The place of a key: a server keeps it secret, a browser shows it to everybody."""

    SERVER = "server"
    BROWSER = "browser"


def digest(key: str) -> str:
    """Return the digest of a key, which the store keeps in place of it."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


async def add(
    session: AsyncSession,
    name: str,
    *,
    events: Sequence[str] | None = None,
    rate: int | None = None,
    kind: Kind = Kind.SERVER,
    may_wait: bool = False,
) -> tuple[WriteKeyRow, str]:
    """Create a key.

    Args:
        session: a writing transaction.
        name: the key's name for people.
        events: the calls it allows: event names, ``identify``, ``alias``; None means all.
        rate: the most calls a second; None means no limit of its own.
        kind: the place of the key.
        may_wait: its calls may ask what an event did to the customer's runs.

    Returns:
        The key's row, and the key, which cannot be shown again.
    """
    key = f"sj_{secrets.token_urlsafe(24)}"
    row = WriteKeyRow(
        id=f"key_{secrets.token_hex(4)}",
        digest=digest(key),
        name=name,
        events=None if events is None else list(events),
        rate=rate,
        kind=kind.value,
        may_wait=may_wait,
        created_at=datetime.now(UTC),
    )
    session.add(row)
    await session.flush()
    return row, key


async def valid(session: AsyncSession, key: str) -> WriteKeyRow | None:
    """Return the row of a key; None if the key is unknown or revoked."""
    rows = await session.exec(
        select(WriteKeyRow).where(
            WriteKeyRow.digest == digest(key), col(WriteKeyRow.revoked_at).is_(None)
        )
    )
    return rows.first()


async def listed(session: AsyncSession) -> Sequence[WriteKeyRow]:
    """Return every key, revoked ones too, oldest first."""
    order = (col(WriteKeyRow.created_at), col(WriteKeyRow.id))
    return (await session.exec(select(WriteKeyRow).order_by(*order))).all()


async def revoke(session: AsyncSession, key_id: str) -> WriteKeyRow | None:
    """Revoke a key for good and return its row, or None if there is no such key.

    A revoked key keeps the moment of its first revocation.
    """
    row = await session.get(WriteKeyRow, key_id)
    if row is not None:
        row.revoked_at = row.revoked_at or datetime.now(UTC)
        session.add(row)
    return row
