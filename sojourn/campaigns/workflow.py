"""The workflow of a campaign: one for each campaign, whatever its size.

It freezes the audience, then sends slices by each channel of the message until nobody is left.
Where a slice ends before somebody is due (another time zone, the end of quiet hours), it sleeps
until then; if variants are tried, it finds the winner when the moment for that has come.
Operators pause, resume and stop it by updates.
"""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy

with workflow.unsafe.imports_passed_through():
    from sojourn.domain.campaign_run import (
        ACT,
        DECIDE,
        FINISH,
        FREEZE,
        PREFIX,
        READ_FEED,
        SEND_SLICE,
        CampaignAct,
        CampaignCounts,
        CampaignDeed,
        CampaignRun,
        CampaignState,
        Decide,
        Freeze,
        ReadFeed,
        Slice,
        Sliced,
    )
    from sojourn.domain.messages import Channel, MessageClass
    from sojourn.journeys.queues import PRIORITIES, channel_queue

WORKFLOW = "Campaign"
RETRIES = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1)
)  # no limit on attempts: what a campaign does is safe to repeat
FEED_RETRIES = RetryPolicy(
    initial_interval=timedelta(seconds=10), maximum_interval=timedelta(minutes=5)
)
FEED_TIMEOUT = timedelta(minutes=3)
HEARTBEAT = timedelta(seconds=10)
"""A worker that died is noticed this soon."""
SLICE_TIMEOUT = timedelta(hours=2)
ACT_TIMEOUT = timedelta(seconds=30)
FREEZE_TIMEOUT = timedelta(hours=1)
DECIDE_TIMEOUT = timedelta(minutes=10)
LOOK_AT_LEAST = timedelta(minutes=30)
"""A hold may end before its moment: somebody resumes what was held."""
PATIENCE = timedelta(seconds=60)
"""A stop is answered after what is being handed over has ended, or after this time."""


@workflow.defn(name=WORKFLOW)
class CampaignWorkflow:
    """A campaign under way."""

    def __init__(self) -> None:
        self._counts: CampaignCounts | None = None
        self._state = CampaignState.LAUNCHED
        self._slicing = False
        self._woken = 0
        self._known = 0
        self._decides_at: datetime | None = None
        self._size = 0
        self._doubtful = 0

    @workflow.run
    async def run(self, asked: CampaignRun) -> CampaignCounts:
        """Carry the campaign out."""
        if not asked.frozen:
            await self._until(asked.begins)
            if asked.feed_until is not None and not self._state.is_over:
                await self._read_feed(asked, asked.feed_until)
            if not self._state.is_over:
                await self._freeze(asked)
        while (next_at := await self._next(asked)) is not None:
            await self._until(min(next_at, workflow.now() + LOOK_AT_LEAST))
            if workflow.info().is_continue_as_new_suggested() and workflow.all_handlers_finished():
                known = max(self._known, asked.known)
                workflow.continue_as_new(asked.model_copy(update={"frozen": True, "known": known}))
        counts: CampaignCounts = await workflow.execute_activity(
            FINISH,
            asked.campaign,
            result_type=CampaignCounts,
            summary="note the end",
            start_to_close_timeout=ACT_TIMEOUT,
            retry_policy=RETRIES,
        )
        self._tell(counts)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return counts

    async def _read_feed(self, asked: CampaignRun, until: datetime) -> None:
        """Read the feed, for as long as somebody could still be told of it in time."""
        counts = await workflow.execute_activity(
            READ_FEED,
            ReadFeed(campaign=asked.campaign, now=workflow.now(), until=until),
            result_type=CampaignCounts,
            summary="read the feed",
            start_to_close_timeout=FEED_TIMEOUT,
            retry_policy=FEED_RETRIES,
        )
        self._tell(counts)

    async def _freeze(self, asked: CampaignRun) -> None:
        counts = await workflow.execute_activity(
            FREEZE,
            Freeze(campaign=asked.campaign, now=workflow.now()),
            result_type=CampaignCounts,
            summary="freeze the audience",
            start_to_close_timeout=FREEZE_TIMEOUT,
            heartbeat_timeout=HEARTBEAT,
            retry_policy=RETRIES,
        )
        self._tell(counts)

    async def _next(self, asked: CampaignRun) -> datetime | None:
        """Send slices; return when to go on, or None at the end.

        A campaign that follows another one goes on for as long as somebody may come into it.
        """
        next_at = await self._slices(asked)
        if next_at is not None or self._state.is_over or not self._doubtful:
            return next_at
        size = self._size
        await self._freeze(asked)
        if self._size > size:
            return workflow.now()
        return workflow.now() + LOOK_AT_LEAST if self._doubtful else None

    async def _slices(self, asked: CampaignRun) -> datetime | None:
        """Send a slice by each channel; return when to go on, or None at the end."""
        await workflow.wait_condition(lambda: self._state is not CampaignState.PAUSED)
        if self._decides_at is not None and self._decides_at <= workflow.now():
            await self._decide(asked.campaign)
        self._slicing = True
        try:
            sliced = await asyncio.gather(*(self._slice(asked, one) for one in asked.channels))
        finally:
            self._slicing = False
        self._tell(sliced[-1].counts, next((one.waits for one in sliced if one.waits), ""))
        # the channel that was served last knows it; the others may have ended before
        decides = (one.counts.decides_at for one in sliced)
        self._decides_at = min((one for one in decides if one), default=None)
        if self._state is CampaignState.PAUSED:
            return workflow.now()
        ends = (*(one.next_at for one in sliced), self._decides_at)
        return min((one for one in ends if one), default=None)

    async def _slice(self, asked: CampaignRun, channel: Channel) -> Sliced:
        sliced: Sliced = await workflow.execute_activity(
            SEND_SLICE,
            Slice(
                campaign=asked.campaign,
                channel=channel,
                now=workflow.now(),
                known=max(self._known, asked.known),
            ),
            result_type=Sliced,
            task_queue=channel_queue(channel, workflow.info().task_queue),
            summary=f"a slice by {channel}",
            start_to_close_timeout=SLICE_TIMEOUT,
            heartbeat_timeout=HEARTBEAT,
            retry_policy=RETRIES,
            priority=Priority(priority_key=PRIORITIES[MessageClass.PROMOTIONAL] + 1),
        )
        return sliced

    async def _decide(self, campaign: str) -> None:
        """Find the winner of the variants, unless somebody pauses or stops it all meanwhile."""
        counts = await workflow.execute_activity(
            DECIDE,
            Decide(campaign=campaign, now=workflow.now()),
            result_type=CampaignCounts,
            summary="find the winner",
            start_to_close_timeout=DECIDE_TIMEOUT,
            retry_policy=RETRIES,
        )
        self._tell(counts)

    @workflow.query
    def counts(self) -> CampaignCounts | None:
        """Return the numbers as they were when the last slice ended."""
        return self._counts

    @workflow.update
    async def pause(self, deed: CampaignDeed) -> CampaignCounts:
        """Claim nothing more until the campaign is resumed."""
        return await self._act(deed, CampaignAct.PAUSE)

    @workflow.update
    async def resume(self, deed: CampaignDeed) -> CampaignCounts:
        """Go on."""
        return await self._act(deed, CampaignAct.RESUME)

    @workflow.update
    async def stop(self, deed: CampaignDeed) -> CampaignCounts:
        """Claim nothing more, ever; the answer has the numbers."""
        return await self._act(deed, CampaignAct.STOP)

    async def _act(self, deed: CampaignDeed, act: CampaignAct) -> CampaignCounts:
        campaign = workflow.info().workflow_id.removeprefix(PREFIX)
        told = deed.model_copy(update={"campaign": campaign, "act": act})
        counts = await self._note(told)
        self._tell(counts)
        self._woken += 1
        if act is not CampaignAct.RESUME and self._slicing:
            # messages claimed before end by themselves; then the numbers are certain
            with suppress(TimeoutError):  # a worker is gone: the numbers say what is under way
                await workflow.wait_condition(lambda: not self._slicing, timeout=PATIENCE)
            counts = await self._note(told)
            self._tell(counts)
        return counts

    async def _note(self, deed: CampaignDeed) -> CampaignCounts:
        counts: CampaignCounts = await workflow.execute_activity(
            ACT,
            deed,
            result_type=CampaignCounts,
            summary=f"{deed.act} by {deed.by}" if deed.by else str(deed.act),
            start_to_close_timeout=ACT_TIMEOUT,
            retry_policy=RETRIES,
        )
        return counts

    async def _until(self, moment: datetime) -> None:
        """Sleep until a moment, or until somebody does something to the campaign."""
        span = moment - workflow.now()
        if span <= timedelta(0) or self._state.is_over:
            return
        woken = self._woken
        with suppress(TimeoutError):  # the moment came
            await workflow.wait_condition(
                lambda: self._woken > woken,
                timeout=span,
                timeout_summary=f"until {moment:%Y-%m-%d %H:%M:%S} UTC",
            )

    def _tell(self, counts: CampaignCounts, waits: str = "") -> None:
        self._counts, self._state = counts, counts.state
        self._known = max(self._known, counts.settled)
        self._size, self._doubtful = counts.size, counts.doubtful
        workflow.set_current_details(_details(counts, waits))


def _details(counts: CampaignCounts, waits: str) -> str:
    """Return the progress as Markdown, for Temporal's UI."""
    done = counts.size - counts.waiting - counts.held
    why = counts.because or waits
    said = f"{why}\n\n" if why else ""
    share = f"{100 * done // counts.size} %" if counts.size else "0 %"
    return (
        f"**{counts.campaign}** {counts.state}: {share} of {counts.size:,} decided on\n\n"
        f"{said}"
        f"| sent | not sent | refused | in doubt | held | waiting |\n|---|---|---|---|---|---|\n"
        f"| {counts.sent:,} | {counts.skipped:,} | {counts.rejected:,} | {counts.unknown:,} "
        f"| {counts.held:,} | {counts.waiting:,} |"
        + (f"\n\n**A/B** {counts.ab}" if counts.ab is not None else "")
    )
