"""Identify calls that were heard: the same call again is no new word.

A call is the same if its message id and its content are. A sender that gives neither an id nor a
moment may mean two words by two equal calls, or send one again: within `REPEATS`, counted from the
last of them, such a call says nothing new, except a refusal.
"""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.customer import Identity
from sojourn.store.dialects import insert
from sojourn.store.tables import IdentifyRow

REPEATS = timedelta(days=7)
"""Within it, an equal call without id and moment is a repetition, such as a nightly copy."""


async def is_new(
    session: AsyncSession, identity: Identity, now: datetime, customer_id: str
) -> bool:
    """Remember a call; tell whether it was never heard before.

    Args:
        session: a writing transaction that holds the person.
        identity: the call.
        now: when it arrived.
        customer_id: the id that holds everything of the person.

    Returns:
        False if it is one that was sent again.
    """
    told = digest(identity)
    row = await session.get(IdentifyRow, (identity.message_id, told))
    if row is None:
        row = IdentifyRow(
            message_id=identity.message_id, digest=told, heard_at=now, customer_id=customer_id
        )
        added = await session.exec(
            insert(session, IdentifyRow)
            .values(row.model_dump())
            .on_conflict_do_nothing()
            .returning(col(IdentifyRow.message_id))
        )
        return added.first() is not None
    if identity.sure:
        return False
    before, row.heard_at = row.heard_at, max(row.heard_at, now)
    session.add(row)
    return now - before > REPEATS


def digest(identity: Identity) -> str:
    """Return a digest of the content of a call, without its moment, since retries move that.

    Args:
        identity: the call.

    Returns:
        Its digest, in hexadecimal digits.
    """
    said: list[Any] = [
        identity.customer_id,
        identity.card,
        identity.attributes,
        {channel.value: granted for channel, granted in identity.consents.items()},
        identity.phone,
    ]
    # fields added later join only if they are set: other calls keep the digest they always had
    if identity.phone2:
        said.append({"phone2": identity.phone2})
    if identity.statements:
        said.append([repr(statement) for statement in identity.statements])
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
