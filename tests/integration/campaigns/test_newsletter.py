"""A newsletter on the real engine: what is new in a feed, once an occurrence."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from starlette.responses import RedirectResponse, Response
from temporalio.client import WorkflowHistory

from sojourn import Campaign, Feed, days
from sojourn.campaigns import articles
from sojourn.campaigns.feed_fetching import fetch
from sojourn.cli.local.stack import Server
from sojourn.domain.campaign_run import PREFIX, CampaignAct, CampaignDeed, CampaignState
from sojourn.domain.errors import BadSetting, FeedFault
from sojourn.insight import campaign_check
from sojourn.store import Store, campaigns, ledger
from sojourn.store import articles as kept
from tests.support.campaigning import Shop, settings_of
from tests.support.feeds import RSS, Blog, blogging

WORDS = """{% if not articles %}{{ nothing_to_say("no article is new") }}{% endif %}
{% extends "layout/email.html" %}
{% from "layout/parts.html" import stories with context %}
{% block subject %}{{ articles[0].title }}{% endblock %}
{% block body %}{{ stories(articles) }}{% endblock %}
"""


@pytest_asyncio.fixture(loop_scope="session")
async def shop(migrated_url: str, temporal: Server, tmp_path: Path) -> AsyncIterator[Shop]:
    settings = settings_of(tmp_path, migrated_url)
    async with await Store.open(settings.store_url) as store:
        yield Shop(temporal.client, store, settings, tmp_path)


@pytest_asyncio.fixture(loop_scope="session", name="blog")
async def served_blog() -> AsyncIterator[Blog]:
    async with blogging() as blog:
        yield blog


def newsletter(shop: Shop, feed: Feed, *languages: str, **changes: Any) -> Campaign:
    """Return a campaign that tells of a feed; it is launched by hand, an occasion at a time."""
    one = shop.campaign("news", articles=feed, **changes)
    for language in ("en", *languages):
        (shop.templates / one.name / f"message.email.{language}.html").write_text(WORDS)
    return one


async def occurs(shop: Shop, one: Campaign, occasion: str) -> tuple[CampaignState, int, str]:
    """Launch an occurrence and wait for its end; return where it stands, how many it sent, why."""
    await shop.launch(one, occasion)
    counts = await shop.ended(f"{one.name}@{occasion}")
    async with shop.store.reading() as session:
        row = await campaigns.get(session, counts.campaign)
    return row.state, counts.sent, row.because


async def letters(shop: Shop, customer_id: str) -> list[str]:
    """Return the subjects of what a customer got, oldest first."""
    async with shop.store.reading() as session:
        rows = await ledger.outbox(session, customer_id=customer_id, limit=10)
    return [kept.content["subject"] for _, kept in reversed(rows)]


async def test_each_occurrence_tells_of_what_is_new_and_an_empty_one_writes_to_nobody(
    shop: Shop, blog: Blog
) -> None:
    (one,) = await shop.people(1)
    news = newsletter(shop, Feed(blog.feed(), at_most=2))
    blog.post("a", "b", "c", ago=timedelta(days=1))
    blog.post("old", ago=timedelta(days=31))
    async with shop.worker():
        assert await occurs(shop, news, "1") == (CampaignState.FINISHED, 1, "")
        assert await occurs(shop, news, "2") == (CampaignState.FINISHED, 1, "")
        assert await occurs(shop, news, "3") == (CampaignState.FINISHED, 0, articles.NOTHING_NEW)
        blog.post("d")
        assert await occurs(shop, news, "4") == (CampaignState.FINISHED, 1, "")
    assert await letters(shop, one) == ["About c", "About a", "About d"]
    assert len(blog.asked) == 4, "once an occurrence"
    assert await shop.size(f"{news.name}@3") == 0, "its audience was not even frozen"
    async with shop.store.reading() as session:
        last = (await campaigns.words(session, f"{news.name}@3"))[-1]
    assert (last.what, last.because) == ("finish", articles.NOTHING_NEW)


async def test_each_language_has_its_feed_and_nobody_reads_anothers(shop: Shop, blog: Blog) -> None:
    (english,) = await shop.people(1)
    (italian,) = await shop.people(1, locale="it")
    news = newsletter(shop, Feed({"en": blog.feed("en"), "it": blog.feed("it")}), "it")
    blog.post("hello", language="en")
    blog.post("ciao", language="it")
    async with shop.worker():
        assert await occurs(shop, news, "1") == (CampaignState.FINISHED, 2, "")
        blog.post("again", language="en")
        assert await occurs(shop, news, "2") == (CampaignState.FINISHED, 1, "")
    assert await letters(shop, english) == ["About hello", "About again"]
    assert await letters(shop, italian) == ["About ciao"]
    (_, row) = await shop.rows([italian])
    assert (row.state, row.reason, row.detail) == ("skipped", "nothing_to_say", "no article is new")


async def test_a_feed_that_is_down_is_tried_again(shop: Shop, blog: Blog) -> None:
    await shop.people(1)
    news = newsletter(shop, Feed(blog.feed()))
    blog.post("a")
    blog.answers = [
        Response("", 503, {"Retry-After": "0"}),
        Response("", 429, {"Retry-After": "0"}),
    ]
    async with shop.worker():
        assert await occurs(shop, news, "1") == (CampaignState.FINISHED, 1, "")
    assert len(blog.asked) == 3


async def test_a_feed_that_stays_down_ends_the_occurrence_and_the_next_one_tells_of_all(
    shop: Shop, blog: Blog
) -> None:
    (one,) = await shop.people(1)
    message = shop.message(useful_for=timedelta(milliseconds=1))
    news = newsletter(shop, Feed(blog.feed()), message=message)
    blog.post("a")
    blog.down = 503
    async with shop.worker():
        ended = await occurs(shop, news, "1")
    assert ended == (CampaignState.STOPPED, 0, "the feed answers HTTP 503")
    assert await letters(shop, one) == []
    async with shop.store.reading() as session:
        assert not await kept.had(session, news.name)


async def test_a_retry_changes_nothing_and_what_nobody_got_is_new_again(
    shop: Shop, blog: Blog
) -> None:
    news = newsletter(shop, Feed(blog.feed()))
    blog.post("a")
    now = datetime.now(UTC)
    await shop.launch(news, "1")
    await articles.choose(shop.store, f"{news.name}@1", now)
    blog.post("b")
    for _ in range(2):
        await articles.choose(shop.store, f"{news.name}@1", now)
    async with shop.store.reading() as session:
        told = await kept.of(session, f"{news.name}@1", [""])
        assert [one.id for one in told.of("en")] == ["a"]
        assert await kept.had(session, news.name) == {"": {"a"}}, "it is under way"
        assert await kept.had(session, news.name, beside=f"{news.name}@1") == {}
    stop = CampaignDeed(campaign=f"{news.name}@1", act=CampaignAct.STOP, by="anna")
    async with shop.store.transaction() as session:
        await campaigns.act(session, stop)
        assert await kept.had(session, news.name) == {}, "it was stopped before anybody got it"
    assert len(blog.asked) == 1


async def test_a_missing_address_is_said_before_anything_is_noted(
    shop: Shop, blog: Blog, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = await shop.people(1)
    news = newsletter(shop, Feed("SHOP_FEED_URL"))
    monkeypatch.delenv("SHOP_FEED_URL", raising=False)
    with pytest.raises(BadSetting, match="SHOP_FEED_URL is not set"):
        await shop.launch(news, "1")
    blog.post("a")
    monkeypatch.setenv("SHOP_FEED_URL", blog.feed())
    async with shop.worker():
        assert await occurs(shop, news, "1") == (CampaignState.FINISHED, 1, "")
    assert await letters(shop, one) == ["About a"]


async def test_strangers_words_are_escaped_and_stay_out_of_the_history(
    shop: Shop, blog: Blog
) -> None:
    (one,) = await shop.people(1)
    news = newsletter(shop, Feed(blog.feed()))
    blog.post("<script>&lt;img src=x onerror=alert(1)&gt;")
    async with shop.worker():
        assert await occurs(shop, news, "1") == (CampaignState.FINISHED, 1, "")
    handle = shop.sojourn.client.get_workflow_handle(f"{PREFIX}{news.name}@1")
    played: WorkflowHistory = await handle.fetch_history()
    assert "About" not in played.to_json()
    async with shop.store.reading() as session:
        ((_, letter),) = await ledger.outbox(session, customer_id=one, limit=10)
    assert "<script" not in letter.content["html"]
    assert "<img src=x" not in letter.content["html"]


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_the_check_shows_the_articles_and_stores_nothing(
    store: Store, blog: Blog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(None, store, settings_of(tmp_path, "sqlite://"), tmp_path)  # type: ignore[arg-type]
    await shop.people(2)
    news = newsletter(shop, Feed(blog.feed(), not_older_than=days(2)), "it", "pl")

    async def check(one: Campaign = news) -> campaign_check.Check:
        project = shop.sojourn.project
        return await campaign_check.check(
            store, shop.sojourn.settings, project, one, datetime.now(UTC)
        )

    blog.post("b", ago=timedelta(days=3))
    found = await check()
    assert (found.articles, found.fails) == ([], False)
    assert [one for one in found.warnings if "nothing is new" in one]
    assert found.words[0].rendered == 2, "its words are tried all the same"
    blog.post("a", ago=timedelta(days=1))
    found = await check()
    assert [(one.id, one.title) for one in found.articles] == [("a", "About a")]
    async with store.reading() as session:
        assert not await kept.had(session, news.name)
    blog.down = 404
    found = await check()
    assert found.fails
    assert found.feed_fault == "the feed answers HTTP 404"
    monkeypatch.delenv("SHOP_FEED_URL", raising=False)
    found = await check(newsletter(shop, Feed("SHOP_FEED_URL"), "it", "pl"))
    assert "SHOP_FEED_URL is not set" in found.feed_fault


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (404, "answers HTTP 404"),
        (Response("<p>hello", media_type="text/html"), "not with a feed"),
        (Response("x" * 5000, media_type=RSS), "larger than 4,000 bytes"),
        (RedirectResponse("ftp://blog.example/feed"), "not on the web"),
        (RedirectResponse("/en/feed.xml"), "more than 5 times"),
        (Response("", headers={"Content-Encoding": "gzip"}, media_type=RSS), "compressed"),
    ],
)
async def test_what_is_no_feed_to_fetch(blog: Blog, answer: int | Response, why: str) -> None:
    blog.answers = [answer] * 9
    with pytest.raises(FeedFault, match=why) as refused:
        await fetch(blog.feed(), largest=4000)
    assert blog.url not in str(refused.value)


async def test_redirects_lead_on_and_a_host_that_is_gone_or_slow_is_told(blog: Blog) -> None:
    blog.answers = [RedirectResponse("/it/feed.xml"), 0]
    blog.post("a", language="it")
    data, came_from = await fetch(blog.feed())
    assert b"About a" in data
    assert came_from == blog.feed("it")
    with pytest.raises(FeedFault, match="does not answer"):
        await fetch("http://127.0.0.1:1/feed")
    with pytest.raises(FeedFault, match="took longer than 0 seconds"):
        await fetch(blog.feed(), timeout_seconds=0)
