"""A campaign tries variants on a share of its audience, and the rest gets the winner."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import update
from sqlmodel import col, select

from sojourn import CLICK, ABTest, Campaign, at_local
from sojourn.campaigns import deciding, launching
from sojourn.channels.provider import Parcel
from sojourn.cli.local.stack import Server
from sojourn.domain.ab_standing import ABPlan
from sojourn.domain.campaign_plan import CampaignPlan
from sojourn.domain.campaign_run import CampaignAct, CampaignCounts, CampaignState
from sojourn.domain.errors import TemporalUnavailable, TransientError
from sojourn.domain.events import OrderCompleted
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind, Report
from sojourn.insight import story
from sojourn.insight.fate import Decided
from sojourn.insight.in_campaigns import InAudience
from sojourn.store import Store, ab_tests, campaigns, people, reports
from sojourn.store.tables import RecipientRow, ReportRow
from tests.support.campaigning import Counting, Shop, settings_of

VARIANTS = {"plain": "message", "warm": "warm-words"}
SOON = timedelta(seconds=4)
"""The winner is found so long after the last of the share had it: time to click."""


@pytest_asyncio.fixture(loop_scope="session")
async def shop(migrated_url: str, temporal: Server, tmp_path: Path) -> AsyncIterator[Shop]:
    settings = settings_of(tmp_path, migrated_url)
    async with await Store.open(settings.store_url) as store:
        yield Shop(temporal.client, store, settings, tmp_path)


def ab(**changes: Any) -> ABTest:
    told = {"variants": VARIANTS, "share": 0.5, "by": CLICK, "after": SOON, **changes}
    return ABTest(**told)


class Inboxes:
    """The subjects that came to each address."""

    def __init__(self, fails: Callable[[Parcel, int], None] = lambda *_: None) -> None:
        self.read: dict[str, list[str]] = {}
        self._fails = fails

    def __call__(self, parcel: Parcel, times: int) -> None:
        self._fails(parcel, times)
        subject = str(parcel.content.subject)
        self.read.setdefault(parcel.address, []).append(subject.partition(":")[0])

    def template(self, customer_id: str) -> list[str]:
        return self.read.get(f"{customer_id}@shop.example", [])


def watched(shop: Shop, **how: Any) -> Inboxes:
    inboxes = Inboxes(**how)
    shop.carrier = Counting(inboxes)
    return inboxes


async def variants(shop: Shop, campaign_id: str) -> dict[str, str | None]:
    """Return the variant that is tried on each recipient; None: the rest."""
    async with shop.store.reading() as session:
        query = select(RecipientRow).where(col(RecipientRow.campaign) == campaign_id)
        return {row.customer_id: row.variant for row in await session.exec(query)}


def of(share: dict[str, str | None], variant: str | None) -> list[str]:
    return sorted(one for one, has in share.items() if has == variant)


async def shared(shop: Shop, campaign: Campaign) -> dict[str, str | None]:
    """Wait until a campaign waits for its winner, and return who is in the share."""
    await shop.until(
        campaign.name, lambda one: one.ab is not None and one.ab.decides_at is not None
    )
    return await variants(shop, campaign.name)


async def click(shop: Shop, customer_ids: list[str], *, machine: str | None = None) -> None:
    """Have customers, or a machine in their place, follow a link of their message, twice each."""
    for row in await shop.rows(customer_ids):
        async with shop.store.transaction() as session:
            for times in range(2):
                report = Report(
                    event_id=f"{row.reference}-{times}", kind=Kind.CLICKED, at=datetime.now(UTC),
                    channel=Channel.EMAIL, reference=row.reference,
                )  # fmt: skip
                await reports.take(session, "counting", report, datetime.now(UTC))
            # the second one has had the first one judged again: by how soon it came
            these = col(ReportRow.ledger_id) == row.id
            await session.exec(update(ReportRow).where(these).values(machine=machine))


def told(counts: CampaignCounts) -> dict[str, tuple[int, int]]:
    assert counts.ab is not None
    return {one.variant: (one.reached, one.sent) for one in counts.ab.results}


async def words(shop: Shop, campaign_id: str) -> list[str]:
    async with shop.store.reading() as session:
        return [one.because for one in await campaigns.words(session, campaign_id)
                if one.what == "decide"]  # fmt: skip


@pytest.mark.more
async def test_the_rest_gets_the_variant_that_was_clicked_most(shop: Shop) -> None:
    inboxes = watched(shop)
    ids = await shop.people(60)
    spring = shop.campaign(ab=ab())
    async with shop.worker():
        await shop.launch(spring)
        share = await shared(shop, spring)
        plain, warm, rest = (of(share, one) for one in ("plain", "warm", None))
        assert shop.carrier.took.total() == len(plain) + len(warm), "the rest waits"
        # half of one and one of the other: the better rate, however the draw falls
        better = warm[: len(warm) // 2 + 1]
        await click(shop, better + plain[:1])
        await click(shop, plain[1:], machine="scanner")
        counts = await shop.ended(spring.name)
    assert (counts.state, counts.sent) == (CampaignState.FINISHED, 60)
    assert min(len(plain), len(warm), len(rest)) > 3
    assert set(shop.carrier.took.values()) == {1}
    assert told(counts) == {"plain": (1, len(plain)), "warm": (len(better), len(warm))}
    assert counts.ab is not None
    assert counts.ab.winner == "warm"
    for one in ids:
        expected = "warm" if share[one] is None else share[one]
        assert inboxes.template(one) == [VARIANTS[str(expected)]]
    rows = {row.customer_id: (row.variant, row.template) for row in await shop.rows(ids)}
    assert Counter(rows.values()) == {
        ("plain", "message"): len(plain), ("warm", "warm-words"): len(warm) + len(rest),
    }  # fmt: skip
    (said,) = await words(shop, spring.name)
    assert said == f"warm wins by click: plain 1 of {len(plain)}, warm {len(better)} of {len(warm)}"


@pytest.mark.more
async def test_by_a_goal_counts_who_reached_it_after_the_message(shop: Shop) -> None:
    await shop.people(40)
    spring = shop.campaign(ab=ab(by=OrderCompleted, share=1))
    launched = datetime.now(UTC)
    async with shop.worker():
        await shop.launch(spring)
        share = await shared(shop, spring)
        plain, warm = of(share, "plain"), of(share, "warm")
        for one in (plain[0], plain[1], warm[0]):
            await order(shop, one, launched - timedelta(hours=1))
        # more than half of one and one of the other: the better rate, however the draw falls
        better = warm[: len(warm) // 2 + 1]
        for one in (plain[2], *better, better[0]):
            await order(shop, one, datetime.now(UTC))
        counts = await shop.ended(spring.name)
    assert told(counts) == {"plain": (1, len(plain)), "warm": (len(better), len(warm))}
    assert counts.ab is not None
    assert (counts.ab.winner, counts.ab.by) == ("warm", "Order Completed")


async def order(shop: Shop, customer_id: str, at: datetime) -> None:
    number = f"o-{customer_id}-{at.timestamp()}"
    event = OrderCompleted(customer_id=customer_id, order_id=number, occurred_at=at)
    await shop.sojourn.publish(event, wait=False)


async def test_without_any_difference_the_first_variant_wins(shop: Shop) -> None:
    inboxes = watched(shop)
    await shop.people(20)
    spring = shop.campaign(ab=ab(after=timedelta(seconds=1)))
    async with shop.worker():
        await shop.launch(spring)
        counts = await shop.ended(spring.name)
    share = await variants(shop, spring.name)
    assert counts.ab is not None
    assert counts.ab.winner == "plain"
    assert {inboxes.template(one)[0] for one in of(share, None)} == {"message"}


async def test_the_winner_is_found_once_whatever_is_clicked_later(shop: Shop) -> None:
    """An activity that died after its commit is run again."""
    await shop.people(30)
    spring = shop.campaign(ab=ab(after=timedelta(hours=4)))
    async with shop.worker():
        await shop.launch(spring)
        share = await shared(shop, spring)
        await click(shop, of(share, "plain")[:1])
        early, later = (datetime.now(UTC) + timedelta(hours=h) for h in (3, 5))
        await deciding.decide(shop.store, spring.name, early)
        assert (await shop.counts(spring.name)).ab.winner == ""  # type: ignore[union-attr]
        await asyncio.gather(*(deciding.decide(shop.store, spring.name, later) for _ in range(3)))
        first = (await shop.counts(spring.name)).ab
        await click(shop, of(share, "warm"))
        await deciding.decide(shop.store, spring.name, later + timedelta(hours=1))
        assert (await shop.counts(spring.name)).ab == first
        await launching.act(shop.sojourn, spring.name, CampaignAct.STOP, by="a", because="so")
        await shop.ended(spring.name)
    assert first is not None
    assert (first.winner, len(await words(shop, spring.name))) == ("plain", 1)


async def test_the_share_of_a_later_zone_is_waited_for_and_the_rest_is_not_sent_before(
    shop: Shop,
) -> None:
    now = datetime.now(UTC)
    hour = (now + timedelta(seconds=9)).replace(tzinfo=None)
    here = await shop.people(24, timezone="Europe/London")
    # London keeps UTC in winter; there its hour comes, and went by in Warsaw an hour ago
    ahead = await shop.people(24, timezone="Europe/Warsaw")
    spring = shop.campaign(
        ab=ab(after=timedelta(seconds=2)), when=at_local(hour, passed="now"),
    )  # fmt: skip
    async with shop.worker():
        await shop.launch(spring)
        await shop.until(spring.name, lambda counts: counts.sent > 0)
        counts = await shop.ended(spring.name)
    assert counts.ab is not None
    share = await variants(shop, spring.name)
    rest = of(share, None)
    moments = {one: shop.carrier.moments[f"{one}@shop.example"] for one in here + ahead}
    assert {moments[one] < now + timedelta(seconds=9) for one in ahead if share[one]} == {True}
    last = max(moments[one] for one in here + ahead if share[one])
    assert last >= now + timedelta(seconds=9)
    assert counts.ab.decided_at is not None
    assert counts.ab.decided_at >= last + timedelta(seconds=1.5)
    assert min(moments[one] for one in rest) >= counts.ab.decided_at
    rows = {row.customer_id: row for row in await shop.rows(rest)}
    assert {row.due_at for row in rows.values()} == {counts.ab.decides_at}


async def test_a_share_that_leaves_slowly_is_waited_for(shop: Shop) -> None:
    await shop.people(12)
    spring = shop.campaign(rate=2, ab=ab(share=0.6, after=timedelta(seconds=1)))
    async with shop.worker():
        await shop.launch(spring)
        counts = await shop.ended(spring.name)
    share = await variants(shop, spring.name)
    moments = [shop.carrier.moments[f"{one}@shop.example"] for one, has in share.items() if has]
    assert counts.ab is not None
    assert counts.ab.decided_at is not None
    assert counts.ab.decided_at >= max(moments) + timedelta(seconds=0.9)


async def test_a_campaign_that_is_paused_decides_once_it_goes_on(shop: Shop) -> None:
    await shop.people(30)
    spring = shop.campaign(ab=ab(after=timedelta(seconds=3)))
    async with shop.worker():
        await shop.launch(spring)
        share = await shared(shop, spring)
        await launching.act(shop.sojourn, spring.name, CampaignAct.PAUSE, by="a", because="look")
        await deciding.decide(shop.store, spring.name, datetime.now(UTC) + timedelta(hours=1))
        counts = await shop.counts(spring.name)
        assert counts.ab is not None
        assert counts.ab.winner == ""
        await click(shop, of(share, "warm")[:2])
        await launching.act(shop.sojourn, spring.name, CampaignAct.RESUME, by="a", because="go")
        counts = await shop.ended(spring.name)
    assert counts.ab is not None
    assert (counts.ab.winner, counts.sent) == ("warm", 30)


async def test_a_campaign_that_is_stopped_never_decides(shop: Shop) -> None:
    await shop.people(20)
    spring = shop.campaign(ab=ab(after=timedelta(seconds=2)))
    async with shop.worker():
        await shop.launch(spring)
        share = await shared(shop, spring)
        await launching.act(shop.sojourn, spring.name, CampaignAct.STOP, by="a", because="no")
        counts = await shop.ended(spring.name)
        await deciding.decide(shop.store, spring.name, datetime.now(UTC) + timedelta(days=1))
    assert counts.sent == len(share) - len(of(share, None))
    assert (await shop.counts(spring.name)).ab.winner == ""  # type: ignore[union-attr]


async def test_a_retry_says_the_same_words(shop: Shop) -> None:
    def fails(_: Parcel, times: int) -> None:
        if times == 1:
            raise TransientError("away", retry_after=timedelta(seconds=1))

    inboxes = watched(shop, fails=fails)
    ids = await shop.people(10)
    spring = shop.campaign(ab=ab(share=1, after=timedelta(seconds=1)))
    async with shop.worker():
        await shop.launch(spring)
        counts = await shop.ended(spring.name)
    share = await variants(shop, spring.name)
    assert counts.sent == 10
    assert {one: inboxes.template(one) for one in ids} == {
        one: [VARIANTS[str(share[one])]] for one in ids
    }


async def test_a_hold_of_one_customers_own_is_not_waited_for(shop: Shop) -> None:
    held, *_ = await shop.people(8)
    async with shop.store.transaction() as session:
        person = await people.lock(session, held)
        person.snoozed_until = datetime.now(UTC) + timedelta(hours=10)
        session.add(person)
    spring = shop.campaign(ab=ab(share=1, after=timedelta(seconds=1)))
    async with shop.worker():
        await shop.launch(spring)
        counts = await shop.until(
            spring.name, lambda one: one.ab is not None and one.ab.winner != ""
        )
        assert (counts.sent, counts.held) == (7, 1)
        await launching.act(shop.sojourn, spring.name, CampaignAct.STOP, by="a", because="so")
        await shop.ended(spring.name)


async def lines(shop: Shop, customer_id: str) -> list[str]:
    away = TemporalUnavailable("not asked")
    settings, project = shop.sojourn.settings, shop.sojourn.project
    told = await story.tell(shop.store, settings, project, away, customer_id)
    return [one.text for one in told.timeline if isinstance(one, InAudience | Decided)]


async def test_explain_tells_the_variant_before_and_after_the_turn(shop: Shop) -> None:
    await shop.people(30)
    spring = shop.campaign(ab=ab(after=timedelta(seconds=1)))
    await shop.frozen(spring)
    share = await variants(shop, spring.name)
    tries, waits = of(share, "warm")[0], of(share, None)[0]
    assert ", in the share that tries warm, due " in (await lines(shop, tries))[0]
    assert ", gets the winner, due " in (await lines(shop, waits))[0]
    async with shop.worker():
        await shop.ended(spring.name)
    assert "; variant warm" in (await lines(shop, tries))[0]
    assert "; variant plain" in (await lines(shop, waits))[0]


async def test_each_seed_gets_each_variant(shop: Shop) -> None:
    inboxes = watched(shop)
    await shop.people(4)
    spring = shop.campaign(seeds=("qa@shop.example",), ab=ab(after=timedelta(seconds=1)))
    async with shop.worker():
        await shop.launch(spring)
        await shop.ended(spring.name)
    assert inboxes.read["qa@shop.example"] == ["message", "warm-words"]


async def test_nobody_in_the_share_means_that_the_first_variant_goes_to_all(shop: Shop) -> None:
    ids = await shop.people(1)
    spring = shop.campaign(ab=ab(share=0.000001, after=timedelta(seconds=1)))
    async with shop.worker():
        await shop.launch(spring)
        counts = await shop.ended(spring.name)
    (row,) = await shop.rows(ids)
    assert (counts.sent, row.variant, told(counts)["plain"]) == (1, "plain", (0, 0))


async def test_an_empty_audience_ends_at_once(shop: Shop) -> None:
    spring = shop.campaign(ab=ab(after=timedelta(hours=4)))
    async with shop.worker():
        await shop.launch(spring)
        counts = await shop.ended(spring.name)
    assert (counts.state, counts.size, counts.ab) == (CampaignState.FINISHED, 0, None)


async def test_the_draw_goes_through_all_pages(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deciding, "PAGE", 7)
    ids = await shop.people(40)
    spring = shop.campaign(ab=ab())
    await shop.frozen(spring)
    test = CampaignPlan.of(spring, spring.name, datetime.now(UTC)).ab
    assert isinstance(test, ABPlan)
    assert await variants(shop, spring.name) == {one: test.drawn(spring.name, one) for one in ids}
    async with shop.store.reading() as session:
        assert await ab_tests.is_share_waiting(session, spring.name)
