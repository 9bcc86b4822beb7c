"""Refusals by address: a stop word or an unsubscribe link speaks for everybody who has the address.

The store keeps the newest refusal of each address, channel and topic. It counts like a statement of
each customer with the address: a customer's own later consent outweighs it for that customer alone.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, tuple_
from sqlalchemy import select as core_select
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.addresses import normalised
from sojourn.domain.messages import Channel
from sojourn.domain.stored import Refused
from sojourn.store import locks, prepared
from sojourn.store.dialects import insert
from sojourn.store.digests import digest, erased_among
from sojourn.store.tables import RefusalRow

_REFUSALS = SQLModel.metadata.tables["refusals"]
_AGAINST = (
    core_select(_REFUSALS)
    .where(tuple_(_REFUSALS.c.channel, _REFUSALS.c.address).in_(bindparam("pairs", expanding=True)))
    .order_by(_REFUSALS.c.at)
)


async def add(
    session: AsyncSession,
    channel: Channel,
    address: str,
    *,
    topic: str,
    at: datetime,
    source: str,
    hidden: bool = False,
) -> None:
    """Record that an address refuses promotional messages; the newest refusal is kept.

    Args:
        session: a writing transaction.
        channel: the channel that is refused.
        address: in any spelling; an empty one refuses nothing.
        topic: empty means any topic.
        at: when the refusal arrived.
        source: the report or the link that it comes from.
        hidden: keep only the digest of the address, since its owner is erased. An address that
          an erased person had (`store.digests.erased_among`) is always hidden.
    """
    spelling = normalised(channel, address)
    if not spelling:
        return
    await locks.hold(session, _key(channel, spelling))
    hidden = hidden or bool(await erased_among(session, [(channel, address)]))
    kept = await digest(session, channel, address) if hidden else spelling
    row = RefusalRow(channel=channel.value, address=kept, topic=topic, at=at, source=source)
    addition = insert(session, RefusalRow).values(row.model_dump())
    said = addition.excluded
    await session.exec(
        addition.on_conflict_do_update(
            index_elements=["channel", "address", "topic"],
            set_={"at": said.at, "source": said.source},
            where=said.at > col(RefusalRow.at),
        )
    )


async def lift(session: AsyncSession, channel: Channel, address: str, topic: str) -> None:
    """Take a refusal back because the reader at the address did, with a click on "stay".

    Args:
        session: a writing transaction.
        channel: the channel that was refused.
        address: in any spelling.
        topic: the topic as it was refused.
    """
    await session.exec(
        delete(RefusalRow).where(
            col(RefusalRow.channel) == channel.value,
            col(RefusalRow.address).in_(await written(session, channel, address)),
            col(RefusalRow.topic) == topic,
        )
    )


def lock_keys(addresses: Iterable[tuple[Channel, str]]) -> list[int]:
    """Return the locks to share (`store.locks`) so that no refusal of these addresses is committed.

    Another customer with the same address has another lock. Without these, a claim could read,
    wait, and be committed after a refusal was answered.
    """
    return [_key(channel, normalised(channel, address)) for channel, address in addresses]


async def hold(session: AsyncSession, addresses: Iterable[tuple[Channel, str]]) -> None:
    """Hold the locks of several addresses, in the order in which claims share them.

    Args:
        session: a writing transaction that is about to `add` or `lift` more than one refusal.
        addresses: in any spelling.
    """
    for key in sorted(lock_keys(addresses)):
        await locks.hold(session, key)


async def against(
    session: AsyncSession, addresses: Iterable[tuple[Channel, str]]
) -> Sequence[Refused]:
    """Return the refusals of these addresses, oldest first."""
    pairs = [
        (channel.value, one)
        for channel, address in dict.fromkeys(addresses)
        for one in await written(session, channel, address)
    ]
    if not pairs:
        return ()
    return await prepared.rows(session, _AGAINST, {"pairs": pairs})


async def against_each(
    session: AsyncSession, addresses: Iterable[tuple[Channel, str]]
) -> dict[tuple[Channel, str], list[Refused]]:
    """Return the refusals of each of several addresses that has any, oldest first."""
    asked = dict.fromkeys(addresses)
    of: dict[tuple[str, str], list[tuple[Channel, str]]] = {}
    for channel, address in asked:
        for one in await written(session, channel, address):
            of.setdefault((channel.value, one), []).append((channel, address))
    found: dict[tuple[Channel, str], list[Refused]] = {}
    for row in await against(session, asked):
        for pair in of[row.channel, row.address]:
            found.setdefault(pair, []).append(row)
    return found


async def forget(session: AsyncSession, channel: Channel, address: str) -> None:
    """Replace an address by its digest in its refusals, which go on counting.

    Args:
        session: a writing transaction.
        channel: the channel that was refused.
        address: in any spelling.
    """
    spelling, hidden = normalised(channel, address), await digest(session, channel, address)
    rows = await session.exec(
        select(RefusalRow).where(
            col(RefusalRow.channel) == channel.value,
            col(RefusalRow.address).in_((spelling, hidden)),
        )
    )
    found = rows.all()
    newest: dict[str, RefusalRow] = {}
    for row in sorted(found, key=lambda row: row.at):
        newest[row.topic] = row
    said = [(row.topic, row.at, row.source) for row in newest.values()]
    for row in found:
        await session.delete(row)
    await session.flush()
    session.add_all(
        RefusalRow(channel=channel.value, address=hidden, topic=topic, at=at, source=source)
        for topic, at, source in said
    )
    await session.flush()


async def written(session: AsyncSession, channel: Channel, address: str) -> tuple[str, ...]:
    """Return the forms in which a refusal may hold an address.

    Args:
        session: any session.
        channel: of the address.
        address: in any spelling.

    Returns:
        As it is compared, and its digest; none for an empty one.
    """
    spelling = normalised(channel, address)
    return (spelling, await digest(session, channel, address)) if spelling else ()


def _key(channel: Channel, spelling: str) -> int:
    """Return the number of an address's lock."""
    return locks.number(f"refusal {channel.value} {spelling}")
