"""Addresses to which nothing is sent, whoever has them."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.messages import Channel
from store.tables import SuppressionRow


def comparable(channel: Channel, address: str) -> str:
    """An address as the list has it: e-mail in lower case, anything else as it is."""
    return address.lower() if channel is Channel.EMAIL else address


async def add(
    session: AsyncSession,
    channel: Channel,
    address: str,
    *,
    because: str,
    at: datetime,
    source: str,
) -> None:
    """Send nothing more to this address. One that is suppressed already stays as it is."""
    named = (channel.value, comparable(channel, address))
    if await session.get(SuppressionRow, named) is None:
        session.add(
            SuppressionRow(
                channel=named[0], address=named[1], because=because, at=at, source=source
            )
        )


async def lift(session: AsyncSession, channel: Channel, address: str) -> bool:
    """Take an address off the list.

    Returns:
        Whether it was on it.
    """
    gone = await session.exec(
        delete(SuppressionRow).where(
            col(SuppressionRow.channel) == channel.value,
            col(SuppressionRow.address) == comparable(channel, address),
        )
    )
    return gone.rowcount == 1


async def suppressed(
    session: AsyncSession, pairs: Collection[tuple[Channel, str]]
) -> set[tuple[Channel, str]]:
    """Those of these addresses that are on the list."""
    wanted = {pair: (pair[0].value, comparable(*pair)) for pair in pairs}
    key = tuple_(col(SuppressionRow.channel), col(SuppressionRow.address))
    rows = await session.exec(select(SuppressionRow).where(key.in_(set(wanted.values()))))
    kept = {(row.channel, row.address) for row in rows}
    return {pair for pair, compared in wanted.items() if compared in kept}
