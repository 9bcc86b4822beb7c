"""A slice of a campaign: batch after batch of what is due by one channel, at its pace."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from time import monotonic

from temporalio import activity

from sojourn.campaigns import articles, deciding
from sojourn.campaigns.braking import Braking
from sojourn.campaigns.pacing import Pace
from sojourn.campaigns.postponing import postpone
from sojourn.campaigns.seeding import Seeds
from sojourn.domain.campaign_plan import CampaignPlan
from sojourn.domain.campaign_run import (
    CampaignAct,
    CampaignCounts,
    CampaignDeed,
    CampaignState,
    Slice,
    Sliced,
)
from sojourn.domain.messages import Channel, Delivery
from sojourn.sending.batches.send import BatchEnd, Batches
from sojourn.sending.ramping import Ramp, counts
from sojourn.settings import Settings
from sojourn.store import Store, ab_tests, campaigns, recipients
from sojourn.store.tables import CampaignRow

BATCH = 100
"""Messages that are decided on in one transaction."""
SLICE = 5_000
"""Messages of one activity: enough to keep a history short, few enough for its end to be near."""
LONGEST = timedelta(minutes=30)
"""The time after which a slice of a slow campaign ends."""
BROKEN = 0.5
"""If more of a batch than this cannot be rendered, nobody else gets it before somebody looks."""
FEWEST = 10
"""Messages that cannot be rendered from which on the template is at fault, not a customer."""


class Slicing:
    """Sends slices."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        batches: Batches,
        ramp: Ramp | None,
        seeds: Seeds | None,
    ) -> None:
        """Make it.

        Args:
            store: open.
            settings: of the installation.
            batches: sends the messages.
            ramp: of the domain that e-mails leave from; None: it has no budget.
            seeds: sends copies; None: nobody gets any.
        """
        self._store = store
        self._settings = settings
        self._batches = batches
        self._ramp = ramp
        self._seeds = seeds

    async def send(self, asked: Slice) -> Sliced:
        """Send due messages by one channel, until none is left, or the slice is full or old.

        Args:
            asked: the campaign, the channel, and how many of its messages were known to be settled.

        Returns:
            The campaign's counts, when its next message falls due, and what the others wait for.
        """
        info, began = activity.info(), monotonic()
        since = asked.now + max(info.started_time - info.scheduled_time, timedelta(0))

        def clock() -> datetime:
            return since + timedelta(seconds=monotonic() - began)

        async with self._store.reading() as session:
            row = await campaigns.get(session, asked.campaign)
        if (before := await _counts(self._store, asked.campaign)).settled < asked.known:
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
            counts=await _counts(self._store, asked.campaign),
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

        For a campaign that was stopped, these are the ones whose end is not known yet.
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


async def _counts(store: Store, campaign_id: str) -> CampaignCounts:
    async with store.reading() as session:
        return await campaigns.counts(session, campaign_id)


def _broken(end: BatchEnd) -> str:
    return f"its template fails: {end.unrenderable} messages of one batch; see the ledger"


def _forgotten(number: int) -> str:
    """Say why nobody else gets a campaign whose store was restored: some would get it twice."""
    return (
        f"the store has forgotten {number} of its messages: it was restored, and who had the "
        "message since the backup would get it again"
    )
