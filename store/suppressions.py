"""Addresses to which nothing is sent: they bounced, complained or are gone."""

from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from domain.messages import Channel
from store.tables import SuppressionRow


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
    if await session.get(SuppressionRow, (channel.value, address)) is None:
        session.add(
            SuppressionRow(
                channel=channel.value, address=address, because=because, at=at, source=source
            )
        )
