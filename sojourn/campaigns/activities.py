"""The activities of a campaign: freeze its audience, send a slice of it, find the winner, act."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import monotonic

from temporalio import activity
from temporalio.exceptions import ApplicationError

from sojourn.campaigns import articles, deciding
from sojourn.campaigns.braking import Braking
from sojourn.campaigns.freezing import freeze
from sojourn.campaigns.pacing import Pace
from sojourn.campaigns.postponing import postpone
from sojourn.campaigns.seeding import Seeds
from sojourn.domain.campaign_plan import CampaignPlan
from sojourn.domain.campaign_run import (
    ACT,
    DECIDE,
    FINISH,
    FREEZE,
    READ_FEED,
    SEND_SLICE,
    CampaignAct,
    CampaignCounts,
    CampaignDeed,
    CampaignState,
    Decide,
    Freeze,
    ReadFeed,
    Slice,
    Sliced,
)
from sojourn.domain.errors import BadInput, BadSetting, FeedFault
from sojourn.domain.messages import Channel, Delivery
from sojourn.project import Project
from sojourn.sending.batches.send import BatchEnd, Batches
from sojourn.sending.ramping import Ramp, counts
from sojourn.sending.recording import kind_of
from sojourn.sending.whereabouts import whereabouts
from sojourn.settings import Settings
from sojourn.store import Store, ab_tests, campaigns, recipients, switches
from sojourn.store.tables import CampaignRow

BATCH = 100
"""Messages that are decided on in one transaction."""
SLICE = 5_000
"""Messages of one activity: so many that a history stays short, so few that its end is near."""
LONGEST = timedelta(minutes=30)
"""A slice of a slow campaign ends after so long."""
HEARTBEAT = timedelta(seconds=2)
BROKEN = 0.5
"""If more of a batch than this cannot be rendered, nobody else gets it before somebody looks."""
FEWEST = 10
"""Messages that cannot be rendered before that is said of the template, not of a customer."""


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
        self._ramp = Ramp.of(settings, project)
        self._batches = batches
        self._seeds = seeds

    @activity.defn(name=FREEZE)
    async def freeze(self, asked: Freeze) -> CampaignCounts:
        """Freeze the audience; a second time takes in who was in doubt, and changes nothing else.

        A campaign that follows another one waits for the end of that: it is asked again.
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
        """Send what is due of a campaign by one channel, up to `SLICE` messages."""
        with told():
            beating = asyncio.create_task(_heartbeat())
            try:
                return await self._slice(asked)
            finally:
                beating.cancel()

    async def _slice(self, asked: Slice) -> Sliced:
        assert self._batches is not None, "a worker that serves no channel takes no slice"
        info, began = activity.info(), monotonic()
        since = asked.now + max(info.started_time - info.scheduled_time, timedelta(0))

        def clock() -> datetime:
            return since + timedelta(seconds=monotonic() - began)

        async with self._store.reading() as session:
            row = await campaigns.get(session, asked.campaign)
        if (before := await self._counts(asked.campaign)).settled < asked.known:
            because = _forgotten(asked.known - before.settled)
            await self._act_itself(asked.campaign, CampaignAct.PAUSE, because)
        plan = await articles.told_in(
            self._store, CampaignPlan.model_validate(row.plan), asked.campaign
        )
        pace = Pace(
            self._store,
            asked.channel,
            plan.model.workflow_id,
            rate=plan.rate,
            limit=getattr(self._settings, f"{asked.channel}_limit"),
        )
        braking = Braking(
            self._store,
            asked.campaign,
            asked.channel,
            plan.brakes,
            left=before.sent if len(plan.channels) == 1 else 0,
        )
        done, waits = 0, ""
        while done < SLICE and clock() - since < LONGEST:
            if because := await braking.why():
                await self._act_itself(asked.campaign, CampaignAct.STOP, because)
            most = await pace.batch(min(BATCH, SLICE - done))
            most, waits = await self._within_budget(row, plan, asked.channel, clock(), most)
            state, due = await self._due(row, plan, asked.channel, clock(), most)
            if not due:
                break
            if state is CampaignState.STOPPED:
                end = await self._batches.settle(due, clock)
            else:
                if self._seeds is not None and not done:
                    await self._seeds.send(asked.campaign, plan, asked.channel, clock())
                await pace.turn(len(due))
                end = await self._batches.send(due, clock)
            done += len(due)
            if end.unrenderable >= FEWEST and end.unrenderable > BROKEN * len(due):
                await self._act_itself(asked.campaign, CampaignAct.PAUSE, _broken(end))
            if end.slow_down:
                await asyncio.sleep(end.slow_down.total_seconds())
        await deciding.set_moment(self._store, asked.campaign, plan, clock())
        async with self._store.reading() as session:
            state, _ = await campaigns.standing(session, asked.campaign)
            test = await ab_tests.standing(session, asked.campaign, row.plan)
            next_at = await recipients.next_due(
                session,
                asked.campaign,
                asked.channel.value,
                under_way=state is CampaignState.STOPPED,
                share_only=test is not None and not test.winner,
            )
        return Sliced(
            counts=await self._counts(asked.campaign),
            next_at=next_at,
            waits=waits,
        )

    async def _within_budget(
        self, row: CampaignRow, plan: CampaignPlan, channel: Channel, now: datetime, most: int
    ) -> tuple[int, str]:
        """Return how many may leave today, and what the others wait for if none may."""
        if self._ramp is None or not counts(plan.model, channel):
            return most, ""
        allowance = await self._ramp.now(self._store)
        if allowance.is_spent:
            await postpone(self._store, row, channel, allowance, now)
            return most, allowance.waits
        return min(most, allowance.left or most), ""

    async def _due(
        self, row: CampaignRow, plan: CampaignPlan, channel: Channel, now: datetime, most: int
    ) -> tuple[CampaignState, Mapping[int, Delivery]]:
        """Return where the campaign stands, and the next messages, by the recipient's number.

        Of a campaign that was stopped, these are the ones whose end is not known yet.
        """
        async with self._store.reading() as session:
            state, _ = await campaigns.standing(session, row.id)
            if state not in (CampaignState.RUNNING, CampaignState.STOPPED):
                return state, {}
            test = await ab_tests.standing(session, row.id, row.plan)
            rows = await recipients.due(
                session,
                row.id,
                channel.value,
                now=now,
                limit=most,
                under_way=state is CampaignState.STOPPED,
                share_only=test is not None and not test.winner,
            )
        start = (row.frozen_at or row.launched_at, row.start_seq)
        found: dict[int, Delivery] = {}
        for one in rows:
            assert one.id is not None
            variant, due_at = deciding.variant_and_due(one, plan, test)
            found[one.id] = plan.delivery(
                one.customer_id, due=due_at, now=now, lane=channel, start=start, variant=variant
            )
        return state, found

    async def _act_itself(self, campaign_id: str, act: CampaignAct, because: str) -> None:
        """Pause or stop a campaign that finds a reason for it in its own numbers."""
        activity.logger.error("campaign %s: %s, for %s", campaign_id, act, because)
        deed = CampaignDeed(campaign=campaign_id, act=act, by="campaign", because=because)
        async with self._store.transaction() as session:
            await campaigns.act(session, deed)

    async def _counts(self, campaign_id: str) -> CampaignCounts:
        async with self._store.reading() as session:
            return await campaigns.counts(session, campaign_id)


def _broken(end: BatchEnd) -> str:
    return f"its template fails: {end.unrenderable} messages of one batch; see the ledger"


def _forgotten(number: int) -> str:
    """Say why nobody else gets a campaign whose store was restored: some would get it twice."""
    return (
        f"the store has forgotten {number} of its messages: it was restored, and who had the "
        "message since the backup would get it again"
    )


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
