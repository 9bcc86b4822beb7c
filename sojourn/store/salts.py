"""Salts: the keys of the hashes that stand for erased ids and addresses.

A key is made once for a database, and stays. Anybody with the database has the key, and can test
whether a known id or address is among the hashes; nobody can read one from them.
"""

import hashlib
import hmac
import secrets
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, Pool
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.store.dialects import insert
from sojourn.store.tables import SaltRow

RIGHTS = "rights"

_known: WeakKeyDictionary[Pool, str] = WeakKeyDictionary()


async def salt_of(session: AsyncSession) -> str:
    """Return the database's key; a process reads it once.

    Returns:
        The key; empty if there is none yet, and the session only reads.
    """
    bind = session.get_bind()
    engine = bind if isinstance(bind, Engine) else bind.engine
    if found := _known.get(engine.pool):
        return found
    query = select(SaltRow.salt).where(SaltRow.name == RIGHTS)
    salt = (await session.exec(query)).first()
    if salt is None:
        if engine.get_execution_options().get("sojourn_read_only"):
            return ""
        row = SaltRow(name=RIGHTS, salt=secrets.token_hex(32))
        await session.exec(
            insert(session, SaltRow).values(row.model_dump()).on_conflict_do_nothing()
        )
        return (await session.exec(query)).one()  # kept once it is committed
    _known[engine.pool] = salt
    return salt


def hashed(salt: str, what: str, value: str) -> str:
    """Return the hash that stands for a value.

    Args:
        salt: the database's key.
        what: the kind of the value; equal values of two kinds have different hashes.
        value: the value.

    Returns:
        32 hex digits.
    """
    return hmac.digest(salt.encode(), f"{what}\0{value}".encode(), hashlib.sha256).hex()[:32]
