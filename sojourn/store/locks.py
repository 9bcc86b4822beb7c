"""Advisory locks: they order a claim and an answered word on PostgreSQL.

A claim reads under READ COMMITTED, in a transaction of its own. Without a lock it could read,
wait, and be committed after a refusal or a switch was answered. SQLite needs none: its writing
transactions follow one another.
"""

import hashlib
from collections.abc import Iterable

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.store.dialects import is_postgresql


def number(name: str) -> int:
    """Return the number of the lock of this name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)


async def hold(session: AsyncSession, key: int) -> None:
    """Wait until nobody shares a lock, then hold it alone until the transaction ends.

    Args:
        session: a writing transaction.
        key: as `number` returns it.
    """
    if is_postgresql(session):
        await session.exec(
            text("SELECT pg_advisory_xact_lock(:key)").bindparams(key=key)  # type: ignore[call-overload]
        )


async def share(session: AsyncSession, keys: Iterable[int]) -> None:
    """Share locks until the transaction ends; wait while somebody holds one of them alone.

    Args:
        session: a writing transaction that takes no lock afterwards on which somebody who holds
            one of these alone could wait.
        keys: as `number` returns them.
    """
    wanted = sorted(keys)
    if wanted and is_postgresql(session):
        await session.exec(
            text(  # type: ignore[call-overload]
                "SELECT pg_advisory_xact_lock_shared(key)"
                " FROM unnest(CAST(:keys AS bigint[])) AS key ORDER BY key"
            ).bindparams(keys=wanted)
        )
