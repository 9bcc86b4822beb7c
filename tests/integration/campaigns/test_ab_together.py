"""A/B tests beside what else holds a campaign back or fills it: a domain's ramp, and a feed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import update
from sqlmodel import col, select

from sojourn import CLICK, ABTest, Campaign, Feed
from sojourn.campaigns import launching
from sojourn.cli.local.stack import Server
from sojourn.domain.ab_standing import ABPlan
from sojourn.domain.campaign_run import CampaignAct, CampaignCounts, CampaignState
from sojourn.domain.messages import Channel, Reason
from sojourn.domain.ramp import Ladder
from sojourn.domain.ramp_file import Ramps
from sojourn.domain.reports import Kind, Report
from sojourn.insight.ramps import waits_of
from sojourn.store import Store, ledger, reports
from sojourn.store.tables import RampDayRow, RampRow, RecipientRow, ReportRow
from tests.support.campaigning import DAY, Shop, settings_of
from tests.support.feeds import Blog, blogging

DOMAIN = "shop.example"
VARIANTS = {"plain": "message", "warm": "warm-words"}
AFTER = timedelta(seconds=1)
"""The winner is found so long after the last of the share had it."""
STORIES = """{% extends "layout/email.html" %}
{% from "layout/parts.html" import stories with context %}
{% block subject %}TEMPLATE: {{ articles | map(attribute="title") | join(", ") }}{% endblock %}
{% block body %}{{ stories(articles) }}{% endblock %}
"""


@pytest_asyncio.fixture(loop_scope="session")
async def shop(migrated_url: str, temporal: Server, tmp_path: Path) -> AsyncIterator[Shop]:
    settings = settings_of(tmp_path, migrated_url)
    async with await Store.open(settings.store_url) as store:
        yield Shop(temporal.client, store, settings, tmp_path)


def ab(**changes: Any) -> ABTest:
    told = {"variants": VARIANTS, "share": 0.5, "by": CLICK, "after": AFTER, **changes}
    return ABTest(**told)


async def drawn(shop: Shop, campaign_id: str, test: ABTest, **wanted: int) -> None:
    """Write so many customers of each variant, and of the rest, as the launch will draw them."""
    left = Counter(wanted)
    while left.total():
        one = f"{shop.own}-{uuid4().hex[:8]}"
        variant = ABPlan.of(test).drawn(campaign_id, one) or "rest"
        if left[variant] > 0:
            left[variant] -= 1
            await shop.write(one)


async def variants(shop: Shop, campaign_id: str) -> dict[str, str | None]:
    """Return the variant that is tried on each recipient; None: the rest."""
    async with shop.store.reading() as session:
        query = select(RecipientRow).where(col(RecipientRow.campaign) == campaign_id)
        return {row.customer_id: row.variant for row in await session.exec(query)}


async def click(shop: Shop, customer_ids: Iterable[str]) -> None:
    """Have customers follow a link of what they have, however soon."""
    for row in await shop.rows(customer_ids):
        report = Report(
            event_id=row.reference, kind=Kind.CLICKED, at=datetime.now(UTC),
            channel=Channel.EMAIL, reference=row.reference,
        )  # fmt: skip
        async with shop.store.transaction() as session:
            await reports.take(session, "counting", report, datetime.now(UTC))
            this = col(ReportRow.ledger_id) == row.id
            await session.exec(update(ReportRow).where(this).values(machine=None))


def of(share: dict[str, str | None], variant: str | None) -> list[str]:
    return sorted(one for one, has in share.items() if has == variant)


# ---- the ramp of a domain ------------------------------------------------------------------


async def waits(shop: Shop, campaign: Campaign) -> tuple[str, CampaignCounts]:
    """Wait until a campaign waits for the next day's budget, and return its line and numbers."""
    for _ in range(600):
        async with shop.store.reading() as session:
            project = shop.sojourn.project
            said = await waits_of(session, shop.sojourn.settings, project, campaign.name)
        if said:
            return said, await shop.counts(campaign.name)
        await asyncio.sleep(0.1)
    raise TimeoutError(campaign.name)


async def a_day_passes(shop: Shop, campaign: Campaign) -> None:
    """Make today's budget yesterday's, and have everybody asked about who waits."""
    async with shop.store.transaction() as session:
        for row in (await session.exec(select(RampDayRow).order_by(col(RampDayRow.day)))).all():
            await session.exec(
                update(RampDayRow)
                .where(col(RampDayRow.domain) == row.domain, col(RampDayRow.day) == row.day)
                .values(day=row.day - DAY, opened_at=row.opened_at - DAY)
            )
        for one in (await session.exec(select(RampRow))).all():
            one.since -= DAY
            session.add(one)
        await session.exec(
            update(RecipientRow)
            .where(col(RecipientRow.next_at).is_not(None))
            .values(next_at=datetime.now(UTC))
        )
    for deed in (CampaignAct.PAUSE, CampaignAct.RESUME):
        await launching.act(shop.sojourn, campaign.name, deed, by="anna", because="a new day")


@pytest.mark.more
async def test_the_winner_waits_for_the_share_that_waits_for_the_next_days_budget(
    shop: Shop,
) -> None:
    shop.ramps = Ramps({DOMAIN: Ladder(steps=(5, 6))})
    test = ab()
    spring = shop.campaign(ab=test, message=shop.message(useful_for=4 * DAY))
    await drawn(shop, spring.name, test, plain=3, warm=4, rest=6)
    async with shop.worker():
        await shop.launch(spring)
        said, counts = await waits(shop, spring)
        assert said == "waits for tomorrow's budget of shop.example: 5 of 5"
        share = await variants(shop, spring.name)
        assert counts.ab is not None
        assert (counts.sent, counts.ab.decides_at) == (5, None), "two of the share have nothing yet"
        await asyncio.sleep(AFTER.total_seconds() + 0.5)
        assert (await shop.counts(spring.name)).ab == counts.ab
        await click(shop, of(share, "warm"))
        await a_day_passes(shop, spring)
        await shop.until(spring.name, lambda one: one.sent == 11)
        said, counts = await waits(shop, spring)
        assert said == "waits for tomorrow's budget of shop.example: 6 of 6"
        assert counts.ab is not None
        assert counts.ab.winner == "warm", "two of the share and four of the rest"
        await click(shop, of(share, "plain"))
        await a_day_passes(shop, spring)
        counts = await shop.ended(spring.name)
    assert (counts.state, counts.sent, counts.skipped) == (CampaignState.FINISHED, 13, 0)
    assert set(shop.carrier.took.values()) == {1}
    assert counts.ab is not None
    assert counts.ab.decided_at is not None
    assert [one.sent for one in counts.ab.results] == [3, 4]
    moments = {one: shop.carrier.moments[f"{one}@{DOMAIN}"] for one in share}
    assert counts.ab.decided_at >= max(moments[one] for one in share if share[one]) + AFTER / 2
    assert counts.ab.decided_at <= min(moments[one] for one in of(share, None))
    rows = {row.customer_id: (row.variant, row.template) for row in await shop.rows(share)}
    words = {one: str(has or "warm") for one, has in share.items()}
    assert rows == {one: (has, VARIANTS[has]) for one, has in words.items()}


@pytest.mark.more
async def test_a_share_that_is_of_no_use_by_the_next_day_holds_nobody_up(shop: Shop) -> None:
    shop.ramps = Ramps({DOMAIN: Ladder(steps=(4, 6))})
    test = ab()
    spring = shop.campaign(ab=test, message=shop.message(useful_for=timedelta(seconds=8)))
    await drawn(shop, spring.name, test, plain=2, warm=4, rest=2)
    async with shop.worker():
        await shop.launch(spring)
        _, counts = await waits(shop, spring)
        assert counts.ab is not None
        assert counts.ab.decides_at is None
        await shop.until(
            spring.name, lambda one: one.ab is not None and one.ab.decides_at is not None
        )
        await a_day_passes(shop, spring)
        counts = await shop.ended(spring.name)
    share = await variants(shop, spring.name)
    reasons = Counter(row.reason for row in await shop.rows(of(share, "plain") + of(share, "warm")))
    assert reasons == {None: 4, Reason.TOO_LATE.value: 2}
    assert {row.state for row in await shop.rows(of(share, None))} == {"sent"}
    assert counts.ab is not None
    assert sum(one.sent for one in counts.ab.results) == 4


# ---- a feed --------------------------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="session", name="blog")
async def served_blog() -> AsyncIterator[Blog]:
    async with blogging() as blog:
        yield blog


async def subjects(shop: Shop, customer_id: str) -> list[str]:
    """Return the subjects of what a customer got, oldest first."""
    async with shop.store.reading() as session:
        rows = await ledger.outbox(session, customer_id=customer_id, limit=10)
    return [kept.content["subject"] for _, kept in reversed(rows)]


@pytest.mark.more
async def test_each_occurrence_of_a_newsletter_has_its_own_share_winner_and_articles(
    shop: Shop, blog: Blog
) -> None:
    test = ab(after=timedelta(seconds=4))  # time to click
    news = shop.campaign("news", articles=Feed(blog.feed()), ab=test)
    for template in VARIANTS.values():
        file = shop.templates / news.name / f"{template}.email.en.html"
        file.write_text(STORIES.replace("TEMPLATE", template))
    first, second = f"{news.name}@1", f"{news.name}@2"
    await drawn(shop, first, test, plain=3, warm=3, rest=3)
    blog.post("a")
    async with shop.worker():
        await shop.launch(news, "1")
        await shop.until(first, lambda one: one.sent == 6)
        shares = {"1": await variants(shop, first)}
        await click(shop, of(shares["1"], "warm"))
        blog.post("b")  # the rest is still to get the message, and gets what the share got
        counts = {"1": await shop.ended(first)}
        await shop.launch(news, "2")
        counts["2"] = await shop.ended(second)
        shares["2"] = await variants(shop, second)
        await shop.launch(news, "3")
        nothing = await shop.ended(f"{news.name}@3")
    assert (nothing.state, nothing.size, nothing.ab) == (CampaignState.FINISHED, 0, None)
    assert len(blog.asked) == 3, "once an occurrence, whatever its variants"
    winners = {"1": "warm", "2": "plain"}
    for occasion, winner in winners.items():
        assert (counts[occasion].sent, counts[occasion].skipped) == (9, 0)
        found = counts[occasion].ab
        assert found is not None
        assert found.winner == winner
    for one in shares["1"]:
        templates = [VARIANTS[shares[each][one] or winners[each]] for each in winners]
        told = zip(templates, ("About a", "About b"), strict=True)
        assert await subjects(shop, one) == [f"{template}: {title}" for template, title in told]
