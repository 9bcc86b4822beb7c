"""Suppressed addresses: they get no message, no matter which customer has them.

SMS and WhatsApp reach the same number and are told apart: a number without WhatsApp takes texts.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.addresses import normalised, spellings
from sojourn.domain.messages import Channel
from sojourn.store.dialects import insert
from sojourn.store.tables import SuppressionRow


async def add(
    session: AsyncSession,
    channel: Channel,
    address: str,
    *,
    because: str,
    at: datetime,
    source: str,
) -> None:
    """Send nothing more to an address. The first of several suppressions is kept.

    Args:
        session: a writing transaction.
        channel: the channel to which the suppression applies.
        address: the address, in any spelling.
        because: ``bounced``, ``complained``, ``gone``, or an operator's word.
        at: the moment of the report, answer or command.
        source: the report, answer or operator that it comes from.

    Raises:
        ValueError: the address is empty.
    """
    row = SuppressionRow(
        channel=channel.value,
        address=normalised(channel, address),
        because=because,
        at=at,
        source=source,
    )
    if not row.address:
        raise ValueError("an empty address cannot be suppressed")
    addition = insert(session, SuppressionRow).values(row.model_dump())
    said = addition.excluded
    await session.exec(
        addition.on_conflict_do_update(
            index_elements=["channel", "address"],
            set_={"because": said.because, "at": said.at, "source": said.source},
            # the same row stays, whatever the order of arrival
            where=tuple_(said.at, said.source)
            < tuple_(col(SuppressionRow.at), col(SuppressionRow.source)),
        )
    )


async def lift(session: AsyncSession, channel: Channel, address: str) -> bool:
    """Send to an address again.

    Args:
        session: a writing transaction.
        channel: the channel to which the suppression applies.
        address: the address, in any spelling.

    Returns:
        False if the address was not suppressed.
    """
    deleted = await session.exec(
        delete(SuppressionRow).where(
            col(SuppressionRow.channel) == channel.value,
            col(SuppressionRow.address).in_(spellings(channel, address)),
        )
    )
    return deleted.rowcount > 0


async def suppressed(
    session: AsyncSession, pairs: Iterable[tuple[Channel, str]]
) -> set[tuple[Channel, str]]:
    """Return the suppressed ones of these channels and addresses, as they were given."""
    # a row may be older than the spelling that is written today
    asked = [(channel, address, spellings(channel, address)) for channel, address in pairs]
    wanted = [(channel.value, one) for channel, _, same in asked for one in same]
    if not wanted:
        return set()
    query = select(SuppressionRow.channel, SuppressionRow.address).where(
        tuple_(col(SuppressionRow.channel), col(SuppressionRow.address)).in_(wanted)
    )
    found = set((await session.exec(query)).all())
    return {
        (channel, address)
        for channel, address, same in asked
        if any((channel.value, one) in found for one in same)
    }
