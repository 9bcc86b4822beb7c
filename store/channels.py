"""Paused channels: nothing is claimed on them until somebody or a probe resumes them."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.messages import Channel
from store.tables import ChannelRow


async def paused(session: AsyncSession) -> dict[Channel, ChannelRow]:
    """The channels that are paused now."""
    query = select(ChannelRow).where(col(ChannelRow.paused_at).is_not(None))
    return {Channel(row.channel): row for row in (await session.exec(query)).all()}


async def pause(
    session: AsyncSession,
    channel: Channel,
    *,
    because: str,
    by: str,
    probe_at: datetime | None = None,
) -> bool:
    """Pause a channel. One that is paused already stays as it is.

    Args:
        session: a writing transaction.
        channel: which.
        because: what the provider or the operator said.
        by: a provider's name, or an operator's.
        probe_at: when to ask the provider whether it is well again; None: never.

    Returns:
        Whether it was open until now.
    """
    query = select(ChannelRow).where(ChannelRow.channel == channel.value).with_for_update()
    row = (await session.exec(query)).first() or ChannelRow(channel=channel.value)
    if row.paused_at is not None:
        return False
    row.paused_at, row.paused_because, row.paused_by = datetime.now(UTC), because[:500], by
    row.probe_at, row.resumed_at = probe_at, None
    session.add(row)
    return True


async def resume(session: AsyncSession, channel: Channel) -> bool:
    """Open a channel again; whether it was paused."""
    changed = await session.exec(
        update(ChannelRow)
        .where(col(ChannelRow.channel) == channel.value, col(ChannelRow.paused_at).is_not(None))
        .values(paused_at=None, resumed_at=datetime.now(UTC), probe_at=None)
    )
    return changed.rowcount == 1


async def claim_probe(session: AsyncSession, channel: Channel, *, every: timedelta) -> bool:
    """Whether the caller is to probe this channel now: of several workers one does.

    Args:
        session: a writing transaction.
        channel: a paused one.
        every: how long until the next probe is due, if this one fails.
    """
    now = datetime.now(UTC)
    changed = await session.exec(
        update(ChannelRow)
        .where(
            col(ChannelRow.channel) == channel.value,
            col(ChannelRow.paused_at).is_not(None),
            col(ChannelRow.probe_at) <= now,
        )
        .values(probe_at=now + every)
    )
    return changed.rowcount == 1
