"""Probe the providers of paused channels, and resume the channels that work again."""

from datetime import UTC, datetime, timedelta

import structlog

from sojourn.channels.provider import Providers
from sojourn.domain.errors import ProviderError
from sojourn.domain.messages import Channel
from sojourn.store import Store, pauses
from sojourn.store.tables import ChannelRow

PROBE_AGAIN = timedelta(minutes=1)

log = structlog.stdlib.get_logger("sojourn.channels")


async def probe_paused(
    store: Store, carriers: Providers, *, every: timedelta = PROBE_AGAIN
) -> dict[Channel, ChannelRow | None]:
    """Probe the providers of channels that an account error has paused; resume those that work.

    Only one of several workers makes each probe. A channel that an operator paused stays paused.

    Args:
        store: an open store.
        carriers: the providers of the channels that are served here.
        every: the wait before the next probe, if this one fails.

    Returns:
        The channels that are served here, each with its pause or None.
    """
    async with store.reading() as session:
        paused = await pauses.current(session)
    if paused.keys() & carriers.keys():
        now = datetime.now(UTC)
        async with store.transaction() as session:
            due = await pauses.due_probes(session, carriers, now, again_at=now + every)
        for channel, pause in due.items():
            if await _is_well(channel, carriers):
                async with store.transaction() as session:
                    # an operator's pause, begun during the probe, stays
                    await pauses.end(session, channel, by=pause.paused_by)
                del paused[channel]
    return {channel: paused.get(channel) for channel in carriers}


async def _is_well(channel: Channel, carriers: Providers) -> bool:
    provider = carriers[channel]
    try:
        await provider.probe()
    except ProviderError as error:
        log.error(
            "channel stays paused", channel=channel.value, provider=provider.name, said=error.told
        )
        return False
    log.warning("channel resumed", channel=channel.value, provider=provider.name)
    return True
