"""Pauses of channels, each with its moment, its reason and its author.

A provider's pause has a probe: it ends when a probe succeeds, or when an operator resumes the
channel. An operator's pause has no probe, and only an operator ends it.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.messages import Channel
from sojourn.domain.text import LONGEST_NOTE, writable
from sojourn.store.dialects import insert
from sojourn.store.tables import ChannelRow


async def current(session: AsyncSession) -> dict[Channel, ChannelRow]:
    """Return the channels that are paused now, with their rows."""
    rows = await session.exec(select(ChannelRow).where(col(ChannelRow.paused_at).is_not(None)))
    return {Channel(row.channel): row for row in rows}


async def begin(
    session: AsyncSession,
    channel: Channel,
    *,
    because: str,
    by: str,
    probe_at: datetime | None = None,
) -> bool:
    """Pause a channel. A paused channel keeps its moment and its reason.

    An operator's pause takes over a provider's: from then on no probe ends it. A provider's pause
    changes nothing about an operator's.

    Args:
        session: a writing transaction.
        channel: the channel to pause.
        because: the operator's words, or the kind and the code of the provider's error; never the
            provider's words, which may quote an address.
        by: the provider's name, or the operator's.
        probe_at: the moment of the first probe of the provider; None means an operator's pause,
            which has no probe.

    Returns:
        True if the channel was open before.
    """
    await session.exec(
        insert(session, ChannelRow)
        .values(channel=channel.value, paused_because="", paused_by="")
        .on_conflict_do_nothing()
    )
    this = col(ChannelRow.channel) == channel.value
    begun = await session.exec(
        update(ChannelRow)
        .where(this, col(ChannelRow.paused_at).is_(None))
        .values(
            paused_at=datetime.now(UTC),
            paused_because=writable(because, LONGEST_NOTE),
            paused_by=by,
            probe_at=probe_at,
        )
    )
    if begun.rowcount == 0 and probe_at is None:
        await session.exec(
            update(ChannelRow)
            .where(this, col(ChannelRow.probe_at).is_not(None))
            .values(paused_by=by, probe_at=None)
        )
    return begun.rowcount == 1


async def end(session: AsyncSession, channel: Channel, *, by: str | None = None) -> bool:
    """Open a paused channel again.

    Args:
        session: a writing transaction.
        channel: the channel to open.
        by: the provider whose probe succeeded; it ends only its own pause. None means an operator,
            who ends any pause.

    Returns:
        True if the call ended a pause.
    """
    change = update(ChannelRow).where(
        col(ChannelRow.channel) == channel.value, col(ChannelRow.paused_at).is_not(None)
    )
    if by is not None:
        change = change.where(
            col(ChannelRow.paused_by) == by, col(ChannelRow.probe_at).is_not(None)
        )
    ended = await session.exec(
        change.values(paused_at=None, resumed_at=datetime.now(UTC), probe_at=None)
    )
    return ended.rowcount == 1


async def due_probes(
    session: AsyncSession, channels: Iterable[Channel], now: datetime, *, again_at: datetime
) -> dict[Channel, ChannelRow]:
    """Claim the probes that are due; only one of several workers gets each.

    Args:
        session: a writing transaction; the claim holds from its commit on.
        channels: the channels whose providers the caller can ask.
        now: the present moment, by the machine's clock.
        again_at: the moment of the next probe, if this one fails or its worker dies.

    Returns:
        The paused channels to probe, with their rows.
    """
    claimed = await session.exec(
        update(ChannelRow)
        .where(
            col(ChannelRow.channel).in_([channel.value for channel in channels]),
            col(ChannelRow.paused_at).is_not(None),
            col(ChannelRow.probe_at) <= now,
        )
        .values(probe_at=again_at)
        .returning(ChannelRow)
    )
    return {Channel(row.channel): row for row in claimed.scalars()}
