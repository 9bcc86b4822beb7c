"""The brakes of a campaign under way: looked at between batches, and before the first one."""

import time

from sojourn.domain.brakes import Brakes, Tally
from sojourn.domain.messages import Channel
from sojourn.store import Store, harms

LOOK_EVERY = 2.0
"""Seconds between two looks while batches follow one another."""


class Braking:
    """Looks whether a campaign has to stop.

    A look counts the harm, which is little. The messages that left are counted only if the harm is
    too large a share of those known to have left before: further ones make the share smaller.

    Args:
        store: open.
        campaign_id: of the campaign.
        channel: that is served.
        brakes: of the campaign; None: it never stops itself.
        left: the least number of messages that have left by the channel.
    """

    def __init__(
        self,
        store: Store,
        campaign_id: str,
        channel: Channel,
        brakes: Brakes | None,
        *,
        left: int,
    ) -> None:
        self._store = store
        self._campaign_id = campaign_id
        self._channel = channel
        self._brakes = brakes
        self._left = left
        self._looked = -LOOK_EVERY

    async def why(self) -> str:
        """Say why the campaign stops; empty: it goes on, or somebody has looked just now."""
        brakes = self._brakes
        if brakes is None or time.monotonic() - self._looked < LOOK_EVERY:
            return ""
        self._looked = time.monotonic()
        async with self._store.reading() as session:
            harm = await harms.of_campaign(session, self._campaign_id, self._channel)
            at_worst = Tally(max(self._left, brakes.least), *harm)
            if not brakes.why(at_worst, self._channel):
                return ""
            tally = await harms.tally(session, self._campaign_id, self._channel)
        self._left = tally.left
        return brakes.why(tally, self._channel)
