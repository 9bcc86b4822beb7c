"""Seeds: addresses that get a copy of a campaign as its first message leaves.

Each gets it at most once, in each variant: it is noted before it is sent, and is not sent again
after a failure.
"""

import logging
from datetime import datetime
from functools import cached_property

from sojourn.channels.provider import Providers
from sojourn.domain.campaign_plan import CampaignPlan
from sojourn.domain.customer import Customer
from sojourn.domain.errors import SojournError
from sojourn.domain.messages import Channel
from sojourn.domain.places import place_of
from sojourn.project import Project
from sojourn.sending.copies import Copies, Purpose
from sojourn.sending.recording import kind_of
from sojourn.sending.specimens import renderer_of
from sojourn.settings import Settings
from sojourn.store import Store, campaigns
from sojourn.store.digests import digest

log = logging.getLogger("sojourn.campaigns")

NOBODY = Customer("nobody", known=True)


class Seeds:
    """Sends the copies of campaigns to their seeds.

    Args:
        store: open.
        settings: of the installation.
        project: its words.
        carriers: the provider of each channel.
    """

    def __init__(
        self, store: Store, settings: Settings, project: Project, carriers: Providers
    ) -> None:
        self._store = store
        self._settings = settings
        self._project = project
        self._carriers = carriers

    @cached_property
    def _copies(self) -> Copies:
        return Copies(
            renderer_of(self._project, self._settings),
            self._carriers,
            self._project.coupons,
            only_to=self._settings.only_to,
            shop_url=self._settings.shop_url,
            hosts=self._settings.link_hosts,
        )

    async def send(
        self, campaign_id: str, plan: CampaignPlan, channel: Channel, now: datetime
    ) -> None:
        """Send its copy to each seed of a channel that has not got one.

        A fault that keeps a copy from a seed is logged, and keeps nobody else's message.

        Args:
            campaign_id: of the campaign.
            plan: its plan.
            channel: that is served.
            now: by the campaign's clock.
        """
        for written in plan.seeds:
            for variant in plan.variants:
                try:
                    await self._one(campaign_id, plan, channel, written, variant=variant, now=now)
                except SojournError as error:
                    log.error("a seed of %s gets no copy: %s", campaign_id, kind_of(error))

    async def _one(
        self,
        campaign_id: str,
        plan: CampaignPlan,
        channel: Channel,
        written: str,
        *,
        variant: str,
        now: datetime,
    ) -> None:
        place = place_of(written, plan.channels)
        if place.channel is not channel:
            return
        async with self._store.transaction() as session:
            taken = await digest(session, place.channel, place.address)
            copy = f"{taken}/{variant}" if variant else taken
            if not await campaigns.claim_seed(session, campaign_id, copy):
                return
        delivery = plan.delivery(
            NOBODY.customer_id, due=now, now=now, lane=channel, start=(now, 0), variant=variant
        )
        await self._copies.send(
            delivery, NOBODY, place, Purpose.SEED, timezone=self._settings.timezone, now=now
        )
