"""The activities of a campaign: freeze its audience, send a slice of it, find the winner, act."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from sojourn.campaigns import articles, deciding
from sojourn.campaigns.freezing import freeze
from sojourn.campaigns.seeding import Seeds
from sojourn.campaigns.slicing import Slicing
from sojourn.domain.campaign_run import (
    ACT,
    DECIDE,
    FINISH,
    FREEZE,
    READ_FEED,
    SEND_SLICE,
    CampaignCounts,
    CampaignDeed,
    Decide,
    Freeze,
    ReadFeed,
    Slice,
    Sliced,
)
from sojourn.domain.errors import BadInput, BadSetting, FeedFault
from sojourn.project import Project
from sojourn.sending.batches.send import Batches
from sojourn.sending.ramping import Ramp
from sojourn.sending.recording import kind_of
from sojourn.sending.whereabouts import whereabouts
from sojourn.settings import Settings
from sojourn.store import Store, campaigns, switches

HEARTBEAT = timedelta(seconds=2)


class Campaigning:
    """The activities."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        project: Project,
        batches: Batches | None = None,
        seeds: Seeds | None = None,
    ) -> None:
        """Make them.

        Args:
            store: open.
            settings: of the installation.
            project: its topics.
            batches: sends; None where no channel is served.
            seeds: sends copies; likewise.
        """
        self._store = store
        self._settings = settings
        self._own = frozenset(project.topics.own)
        self._slicing = (
            Slicing(store, settings, batches, Ramp.of(settings, project), seeds)
            if batches is not None
            else None
        )

    @activity.defn(name=FREEZE)
    async def freeze(self, asked: Freeze) -> CampaignCounts:
        """Freeze the audience; a second time only takes in customers who were in doubt.

        A campaign that follows another one waits for the end of that: Temporal asks again.
        """
        info = activity.info()
        waited = max(info.started_time - info.scheduled_time, timedelta(0))
        with told():
            beating = asyncio.create_task(_heartbeat())
            try:
                await freeze(
                    self._store,
                    asked.campaign,
                    asked.now + waited,
                    own=self._own,
                    default_zone=self._settings.timezone,
                )
            except BadInput as error:
                async with self._store.transaction() as session:
                    await campaigns.waits(session, asked.campaign, because=str(error))
                raise ApplicationError(str(error), type="StillUnderWay") from None
            finally:
                beating.cancel()
            return await self._counts(asked.campaign)

    @activity.defn(name=READ_FEED)
    async def read_feed(self, asked: ReadFeed) -> CampaignCounts:
        """Choose the articles of an occurrence; a second time changes nothing.

        A feed that cannot be read is tried again until `ReadFeed.until`. Then the occurrence ends,
        as it does at once where the address of the feed is not set.
        """
        info = activity.info()
        now = asked.now + max(info.started_time - info.scheduled_time, timedelta(0))
        with told():
            try:
                await articles.choose(self._store, asked.campaign, now)
            except (FeedFault, BadSetting) as fault:
                activity.logger.error("%s: %s", asked.campaign, fault)
                if isinstance(fault, FeedFault) and now < asked.until:
                    raise ApplicationError(
                        str(fault), type="FeedFault", next_retry_delay=fault.retry_after
                    ) from None
                await articles.give_up(self._store, asked.campaign, fault)
            return await self._counts(asked.campaign)

    @activity.defn(name=ACT)
    async def act(self, deed: CampaignDeed) -> CampaignCounts:
        """Pause, resume or stop; once this answers, no claim is made that has not seen it."""
        with told():
            async with self._store.transaction() as session:
                await campaigns.act(session, deed)
            if not await switches.settle(self._store):
                raise ApplicationError("a claim from before it has not ended: it is asked again")
            return await self._counts(deed.campaign)

    @activity.defn(name=FINISH)
    async def finish(self, campaign_id: str) -> CampaignCounts:
        """Note that everybody was decided on, unless it was stopped."""
        with told():
            async with self._store.transaction() as session:
                await campaigns.finish(session, campaign_id)
            return await self._counts(campaign_id)

    @activity.defn(name=DECIDE)
    async def decide(self, asked: Decide) -> CampaignCounts:
        """Find the winner of its variants; it is found once, and not while it is paused."""
        with told():
            await deciding.decide(self._store, asked.campaign, asked.now)
            return await self._counts(asked.campaign)

    @activity.defn(name=SEND_SLICE)
    async def send_slice(self, asked: Slice) -> Sliced:
        """Send what is due of a campaign by one channel, up to `slicing.SLICE` messages."""
        with told():
            beating = asyncio.create_task(_heartbeat())
            try:
                assert self._slicing is not None, "a worker that serves no channel takes no slice"
                return await self._slicing.send(asked)
            finally:
                beating.cancel()

    async def _counts(self, campaign_id: str) -> CampaignCounts:
        async with self._store.reading() as session:
            return await campaigns.counts(session, campaign_id)


@contextmanager
def told() -> Iterator[None]:
    """Tell Temporal the kind of an error alone: its text may quote an address."""
    try:
        yield
    except ApplicationError:
        raise
    except Exception as error:
        name = kind_of(error)
        activity.logger.error("a campaign cannot go on: %s at %s", name, whereabouts(error))
        raise ApplicationError(f"{name}: see the worker's log", type=name) from None


async def _heartbeat() -> None:
    while True:
        await asyncio.sleep(HEARTBEAT.total_seconds())
        activity.heartbeat()
