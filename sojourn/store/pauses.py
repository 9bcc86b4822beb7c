"""Channels that are paused, and since when, why and by whom.

A pause with a probe is a provider's: it ends when a probe succeeds, or when an operator resumes the
channel. A pause without one is an operator's, and only an operator ends it.
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
    """The channels that are paused now."""
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
    """Pause a channel. Of one that is paused, the moment and the reason stay.

    An operator's pause takes a provider's over: from then on no probe ends it. A provider's pause
    changes nothing about an operator's.

    Args:
        session: of a transaction.
        channel: which.
        because: what the provider or the operator said.
        by: the provider's name, or the operator's.
        probe_at: when the provider is to be asked whether it is well again; None: an operator
            pauses, and nobody asks.

    Returns:
        Whether it was open before.
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
        session: of a transaction.
        channel: which.
        by: the provider whose probe succeeded, which ends its own pause alone; None: an operator,
            who ends any.

    Returns:
        Whether it was paused, and is not any more.
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
    """Claim the probes that are due: of several workers that ask, one gets each.

    Args:
        session: of a transaction; the claim holds from its commit on.
        channels: those whose providers the caller can ask.
        now: by the machine's clock.
        again_at: when the next probe of these channels is due, should this one fail or its worker
            die.
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
