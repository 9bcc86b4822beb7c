"""Histories of campaigns replay: a deploy in the midst of one changes nothing about it."""

import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.responses import Response
from temporalio.client import WorkflowHistory

from sojourn import CLICK, ABTest, Feed, at
from sojourn.campaigns import launching
from sojourn.campaigns.workflow import CampaignWorkflow
from sojourn.cli import histories
from sojourn.cli.local.stack import Server
from sojourn.domain.campaign_run import DECIDE, PREFIX, CampaignAct
from sojourn.store import Store
from sojourn.testkit.scenarios import RECORD, recorded, write
from tests.support.campaigning import Shop, settings_of
from tests.support.feeds import blogging
from tests.support.markdown import ROOT

FOLDER = ROOT / "tests" / "histories"
NAME = "campaign/paused-and-stopped"
OF_VARIANTS = "campaign/variants"
FED = "campaign/feed-was-down"


async def test_a_campaign_that_was_paused_and_stopped_replays(
    temporal: Server, tmp_path: Path, migrated_database: Path, request: pytest.FixtureRequest
) -> None:
    shutil.copy(migrated_database, tmp_path / "test.db")
    settings = settings_of(tmp_path, f"sqlite:///{tmp_path}/test.db")
    async with await Store.open(settings.store_url) as store:
        shop = Shop(temporal.client, store, settings, tmp_path)
        await shop.people(30)
        spring = shop.campaign(rate=5, when=at(datetime.now(UTC) + timedelta(seconds=1)))
        async with shop.worker():
            await shop.launch(spring)
            await shop.until(spring.name, lambda counts: counts.sent > 0)
            for act in (CampaignAct.PAUSE, CampaignAct.RESUME, CampaignAct.STOP):
                await launching.act(shop.sojourn, spring.name, act, by="anna", because="look")
            await shop.ended(spring.name)
        handle = temporal.client.get_workflow_handle(PREFIX + spring.name)
        played = await handle.fetch_history()
    await _replays(NAME, played, request)


async def test_a_campaign_that_found_the_winner_of_its_variants_replays(
    temporal: Server, tmp_path: Path, migrated_database: Path, request: pytest.FixtureRequest
) -> None:
    shutil.copy(migrated_database, tmp_path / "test.db")
    settings = settings_of(tmp_path, f"sqlite:///{tmp_path}/test.db")
    async with await Store.open(settings.store_url) as store:
        shop = Shop(temporal.client, store, settings, tmp_path)
        await shop.people(10)
        variants = {"plain": "message", "warm": "warm-words"}
        test = ABTest(variants, share=0.5, by=CLICK, after=timedelta(seconds=1))
        spring = shop.campaign(ab=test)
        async with shop.worker():
            await shop.launch(spring)
            await shop.ended(spring.name)
        handle = temporal.client.get_workflow_handle(PREFIX + spring.name)
        played = await handle.fetch_history()
    decided = [
        one.activity_task_scheduled_event_attributes.activity_type.name for one in played.events
    ].count(DECIDE)
    assert decided == 1
    await _replays(OF_VARIANTS, played, request)


async def test_a_newsletter_whose_feed_was_down_replays(
    temporal: Server, tmp_path: Path, migrated_database: Path, request: pytest.FixtureRequest
) -> None:
    shutil.copy(migrated_database, tmp_path / "test.db")
    settings = settings_of(tmp_path, f"sqlite:///{tmp_path}/test.db")
    async with await Store.open(settings.store_url) as store, blogging() as blog:
        shop = Shop(temporal.client, store, settings, tmp_path)
        await shop.people(3)
        blog.post("a")
        blog.answers = [Response("", 503, {"Retry-After": "0"})]
        news = shop.campaign("news", articles=Feed(blog.feed()))
        async with shop.worker():
            await shop.launch(news)
            assert (await shop.ended(news.name)).sent == 3
        handle = temporal.client.get_workflow_handle(PREFIX + news.name)
        played = await handle.fetch_history()
    await _replays(FED, played, request)


async def _replays(name: str, played: WorkflowHistory, request: pytest.FixtureRequest) -> None:
    """Check that a history replays, and so does the one of its name that was recorded."""
    if request.config.getoption(RECORD, default=False) and not recorded(FOLDER, name):
        write(FOLDER, name, [played])

    async def both() -> AsyncIterator[tuple[str, WorkflowHistory]]:
        for file in recorded(FOLDER, name):
            yield file.name, WorkflowHistory.from_json(file.name, file.read_text())
        yield "played now", played

    results = list(await histories.replay(both(), [CampaignWorkflow]))
    assert len(results) == 2, f"run pytest {RECORD} on this file, and commit {FOLDER.name}"
    assert [one.broken for one in results] == [None, None]
