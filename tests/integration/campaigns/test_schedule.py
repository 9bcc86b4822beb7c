"""Campaigns that recur, by Temporal's own schedules."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import ScheduleBackfill, ScheduleOverlapPolicy

from sojourn import Campaign, daily, monthly, weekly
from sojourn.campaigns import approving, launching, scheduling
from sojourn.campaigns.scheduling import Scheduled
from sojourn.cli.local.stack import Server
from sojourn.domain.errors import BadInput
from sojourn.domain.recurring import Recurring, day_at
from sojourn.settings import Approval
from sojourn.store import Store, campaigns
from sojourn.store.tables import CampaignWordRow
from tests.support.campaigning import Shop, settings_of


@pytest_asyncio.fixture(loop_scope="session")
async def shop(migrated_url: str, temporal: Server, tmp_path: Path) -> AsyncIterator[Shop]:
    settings = settings_of(tmp_path, migrated_url)
    async with await Store.open(settings.store_url) as store:
        yield Shop(temporal.client, store, settings, tmp_path)


async def approve(shop: Shop, campaign: Campaign) -> Scheduled:
    digest = launching.digest_of(shop.sojourn, campaign)
    return await scheduling.schedule(shop.sojourn, campaign, by="anna", approved=digest)


async def words(shop: Shop, name: str, number: int) -> list[CampaignWordRow]:
    """Return what was done to a campaign, once it is so much."""
    for _ in range(600):
        async with shop.store.reading() as session:
            found = list(await campaigns.words(session, name))
        if len(found) >= number:
            return found
        await asyncio.sleep(0.1)
    raise TimeoutError(str(found))


@pytest.mark.parametrize(
    "when", [daily(at="00:00"), weekly("sun", at="10:00"), monthly(1, at="23:59")], ids=str
)
async def test_temporal_and_we_mean_the_same_days(shop: Shop, when: Recurring) -> None:
    news = shop.campaign("news", when=when)
    now = datetime.now(UTC)
    found = await approve(shop, news)
    expected = when.days(day_at(now))
    first = next(one for one in expected if when.on(one).begins(now - timedelta(days=2)) > now)
    assert found.days[:2] == [first, next(expected)]
    described = await shop.sojourn.client.get_schedule_handle(f"campaign:{news.name}").describe()
    fires = described.info.next_action_times[0]
    assert fires == when.on(first).begins(now), "its hour in UTC+14"
    policy = described.schedule.policy
    assert (policy.overlap, policy.catchup_window) == (
        ScheduleOverlapPolicy.SKIP, timedelta(hours=1),
    )  # fmt: skip
    await scheduling.unschedule(shop.sojourn, news.name, by="anna", because="enough")
    assert (await scheduling.scheduled(shop.sojourn, news.name)).days == []


async def test_a_firing_launches_the_occurrence_of_its_day_once(shop: Shop) -> None:
    ids = await shop.people(3, timezone="Pacific/Kiritimati")
    news = shop.campaign("news", when=daily(at="00:00"))
    async with shop.worker():
        await approve(shop, news)
        handle = shop.sojourn.client.get_schedule_handle(f"campaign:{news.name}")
        today = day_at(datetime.now(UTC))
        yesterday = today - timedelta(days=1)
        fires = news.when.on(today).begins(datetime.now(UTC) - timedelta(days=2))  # type: ignore[union-attr]
        for _ in range(2):
            span = ScheduleBackfill(
                start_at=fires - timedelta(days=1, minutes=1),
                end_at=fires + timedelta(minutes=1),
                overlap=ScheduleOverlapPolicy.BUFFER_ALL,
            )
            await handle.backfill(span)
        for day in (yesterday, today):
            (launched, *_) = await words(shop, f"{news.name}@{day}", 1)
            assert (launched.what, launched.by) == ("launch", "anna")
            await shop.ended(f"{news.name}@{day}")
    rows = await shop.rows(ids)
    by_day = {(row.workflow_id.partition("@")[2], row.state, row.reason) for row in rows}
    assert by_day == {
        (str(today), "sent", None),
        (str(yesterday), "skipped", "too_late"),
    }
    assert len(rows) == 6


async def test_what_has_changed_since_its_approval_is_not_sent_and_operators_are_told(
    shop: Shop,
) -> None:
    await shop.people(1)
    news = shop.campaign("news", when=daily(at="00:00"))
    await approve(shop, news)
    text = shop.templates / news.name / "message.email.en.html"
    text.write_text(text.read_text() + "<!-- more -->")
    handle = shop.sojourn.client.get_schedule_handle(f"campaign:{news.name}")
    async with shop.worker():
        await handle.trigger()
        scheduled, refused = await words(shop, news.name, 2)
        assert (scheduled.what, scheduled.by) == ("schedule", "anna")
        assert (refused.what, refused.by) == ("refuse", "schedule")
        assert "has changed since" in refused.because
        today = date.fromisoformat(refused.because[:10])
        with pytest.raises(BadInput, match="no campaign"):
            await shop.counts(f"{news.name}@{today}")
        await approve(shop, news)  # the new approval holds from the next firing on
        await handle.trigger()
        await words(shop, f"{news.name}@{day_at(datetime.now(UTC))}", 1)
    await handle.delete()


async def test_a_schedule_wants_the_approval_that_a_launch_wants(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    news = shop.campaign("news", when=daily(at="00:00"))
    asks = shop.sojourn.settings.model_copy(update={"campaign_approval": Approval.OTHER})
    monkeypatch.setattr(shop.sojourn, "settings", asks)
    with pytest.raises(BadInput, match="wants the approval of somebody else than anna"):
        await approve(shop, news)
    async with shop.store.transaction() as session:
        digest = launching.digest_of(shop.sojourn, news)
        await approving.approve(session, news, digest, by="bruno")
    assert (await approve(shop, news)).days
    await scheduling.unschedule(shop.sojourn, news.name, by="anna", because="enough")


async def test_a_campaign_that_does_not_recur_is_not_scheduled(shop: Shop) -> None:
    once = shop.campaign("once")
    with pytest.raises(BadInput, match="launch it, or give it daily"):
        await approve(shop, once)
    with pytest.raises(BadInput, match="is not scheduled"):
        await scheduling.unschedule(shop.sojourn, once.name, by="anna", because="x")
    news = shop.campaign("news", when=daily(at="00:00"))
    with pytest.raises(BadInput, match="has changed since"):
        await scheduling.schedule(shop.sojourn, news, by="anna", approved="another")
    for occasion in ("", "soon", "20261207"):  # a day has one spelling, and is one campaign
        with pytest.raises(BadInput, match="name the day"):
            await shop.launch(news, occasion)
