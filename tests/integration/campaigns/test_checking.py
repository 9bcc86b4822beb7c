"""A campaign before its launch: what `campaign check` says of it, and that it stores nothing."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio
from sqlalchemy import text
from temporalio.client import Client

from sojourn import CLICK, EMAIL, SMS, ABTest, Campaign, at_local, weekly
from sojourn.campaigns import approving, launching
from sojourn.cli.local.stack import Server
from sojourn.domain.campaign_run import CampaignAct, CampaignDeed, CampaignState
from sojourn.domain.errors import BadInput, TemporalUnavailable
from sojourn.domain.messages import Channel, Reason
from sojourn.domain.prices import Prices, SegmentPrice
from sojourn.domain.quiet_hours import QuietHours
from sojourn.insight import campaign_check, campaign_looking, story
from sojourn.insight.campaign_check import Check
from sojourn.insight.fate import Decided
from sojourn.insight.in_campaigns import InAudience
from sojourn.settings import Approval
from sojourn.store import Store, campaigns, consents, people, suppressions
from tests.support.campaigning import WORDS, Shop, settings_of

MONDAY_NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOBODY = cast("Client", None)
"""No check may reach Temporal."""


@pytest_asyncio.fixture(loop_scope="session")
async def shop(store: Store, tmp_path: Path) -> Shop:
    return Shop(NOBODY, store, settings_of(tmp_path, "sqlite://"), tmp_path)


async def looked(shop: Shop, campaign: Campaign, now: datetime = MONDAY_NOON, **how: Any) -> Check:
    settings = how.pop("settings", shop.sojourn.settings)
    project = how.pop("project", shop.sojourn.project)
    return await campaign_check.check(shop.store, settings, project, campaign, now, **how)


async def rows_of_all(store: Store) -> dict[str, int]:
    tables = ("ledger", "recipients", "campaigns", "campaign_words", "events", "slots", "coupons")
    async with store.reading() as session:
        connection = await session.connection()
        return {
            one: (await connection.execute(text(f"SELECT count(*) FROM {one}"))).scalar_one()
            for one in tables
            if one != "slots"
        }


async def unreachable(shop: Shop) -> None:
    """Add three that nothing reaches, and two who share an address."""
    await shop.people(1, email="")
    (bounced,) = await shop.people(1)
    (no,) = await shop.people(1)
    await shop.people(2, email=f"family-{shop.own}@shop.example")
    async with shop.store.transaction() as session:
        await suppressions.add(
            session, EMAIL, f"{bounced}@shop.example", because="bounced", at=MONDAY_NOON, source="t"
        )
        person = await people.lock(session, no)
        await consents.record(session, person, EMAIL, granted=False, topic="news", source="link")


async def test_it_counts_who_would_get_it_and_who_would_not_and_why(shop: Shop) -> None:
    await shop.people(5)
    await unreachable(shop)
    spring = shop.campaign()
    before = await rows_of_all(shop.store)
    found = await looked(shop, spring)
    assert (found.size, found.looked) == (10, 10)
    assert found.sent == {Channel.EMAIL: 6}
    assert found.skipped == {
        Reason.NO_ADDRESS: 1, Reason.SUPPRESSED: 1, Reason.OPTED_OUT: 1, Reason.ALREADY_TOLD: 1,
    }  # fmt: skip
    assert [(one.hour, one.number) for one in found.hours] == [(MONDAY_NOON, 6)]
    assert found.state is None
    assert await rows_of_all(shop.store) == before


async def test_one_address_is_counted_once_though_it_is_asked_about_in_several_batches(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign_looking, "AT_ONCE", 2)
    await shop.people(5, email=f"family-{shop.own}@shop.example")
    found = await looked(shop, shop.campaign())
    assert (found.sent, found.skipped) == ({Channel.EMAIL: 1}, {Reason.ALREADY_TOLD: 4})


async def test_a_sample_stands_for_the_whole(shop: Shop) -> None:
    await shop.people(30)
    await shop.people(10, email="")
    spring = shop.campaign()
    found = await looked(shop, spring, sample=12)
    assert (found.size, found.looked) == (40, 12)
    assert sum(found.sent.values()) + sum(found.skipped.values()) == pytest.approx(40, abs=1)
    whole = await looked(shop, spring, sample=None)
    assert (whole.looked, whole.sent[Channel.EMAIL], whole.skipped[Reason.NO_ADDRESS]) == (
        40,
        30,
        10,
    )


async def test_each_language_of_the_project_is_rendered_and_the_bad_ones_are_named(
    shop: Shop,
) -> None:
    await shop.people(2, locale="it-IT")
    await shop.people(1, first_name="Ada")
    spring = shop.campaign()
    project = shop.sojourn.project
    words = shop.templates / spring.name
    (words / "message.email.it.html").write_text(WORDS.replace("Look at", "{{ customer.nothing }}"))
    found = await looked(shop, spring, project=replace(project, languages=("en", "it", "pl")))
    by = {one.language: one for one in found.words}
    assert found.fails
    assert (by["en"].rendered, by["en"].faults) == (3, [])
    assert by["it"].rendered == 0
    assert (by["it"].faults[0].customers, "nothing" in by["it"].faults[0].text) == (3, True)
    assert "message.email.pl" in by["pl"].faults[0].text
    one = await looked(shop, spring, project=replace(project, languages=("en",)))
    assert not one.fails


async def test_words_are_rendered_although_nobody_is_in_the_audience(shop: Shop) -> None:
    found = await looked(shop, shop.campaign())
    assert (found.size, found.sent, found.ends) == (0, {}, None)
    assert (found.words[0].language, found.words[0].rendered) == ("en", 1)


async def test_who_is_quiet_now_is_held_until_the_morning(shop: Shop) -> None:
    await shop.people(3, timezone="Asia/Tokyo")  # 21:00 there
    await shop.people(2, timezone="Europe/Rome")
    spring = shop.campaign()
    settings = shop.sojourn.settings.model_copy(
        update={"quiet_hours": QuietHours(time(21), time(9))}
    )
    found = await looked(shop, spring, settings=settings)
    (held,) = found.held
    assert (held.reason, held.number) == (Reason.QUIET_HOURS, 3)
    morning = datetime(2026, 3, 3, tzinfo=UTC)
    assert morning <= held.first <= held.last < morning + HOUR
    assert [(one.hour, one.number) for one in found.hours] == [(MONDAY_NOON, 2), (morning, 3)]


async def test_each_zone_leaves_at_its_hour_and_what_takes_too_long_is_said(shop: Shop) -> None:
    await shop.people(4, timezone="Asia/Tokyo")
    await shop.people(7, timezone="Europe/Rome")
    await shop.people(1, timezone="", phone="+48601234567")  # Warsaw, by the phone
    spring = shop.campaign(when=at_local("2026-03-20 10:00"), rate=1 / 900,
                           message=shop.message(useful_for=HOUR))  # fmt: skip
    found = await looked(shop, spring)
    tokyo, rome = (datetime(2026, 3, 20, hour, tzinfo=UTC) for hour in (1, 9))
    assert [(one.hour, one.number) for one in found.hours] == [(tokyo, 4), (rome, 4)]
    assert (found.ends, found.late) == (rome + HOUR, 4)
    assert "4 messages would be too late" in found.warnings[0]
    assert found.rate == pytest.approx(1 / 900)


async def test_the_rest_leaves_once_the_winner_is_found(shop: Shop) -> None:
    await shop.people(30, timezone="Asia/Tokyo")
    await shop.people(30, timezone="Europe/Rome")
    test = ABTest({"plain": "message", "warm": "warm-words"}, share=0.5, by=CLICK, after=3 * HOUR)
    spring = shop.campaign(when=at_local("2026-03-20 10:00"), ab=test)
    found = await looked(shop, spring)
    tokyo, rome = (datetime(2026, 3, 20, hour, tzinfo=UTC) for hour in (1, 9))
    assert [one.hour for one in found.hours] == [tokyo, rome, rome + 3 * HOUR]
    assert sum(one.number for one in found.hours) == 60
    assert found.hours[2].number == pytest.approx(30, abs=18)
    assert {one.variant for one in found.words} == {"plain", "warm"}


async def test_text_messages_have_segments_and_a_price_only_where_one_is_named(shop: Shop) -> None:
    own = int(shop.own, 16) % 10**6
    for number in (f"+39333{own:07}", f"+39334{own:07}", f"+48601{own:06}"):
        (one,) = await shop.people(1, phone=number)
        async with shop.store.transaction() as session:
            person = await people.lock(session, one)
            await consents.record(session, person, SMS, granted=True, source="form")
    spring = shop.campaign(message=shop.message(SMS))
    words = shop.templates / spring.name / "message.sms.en.txt"
    words.write_text("{% block text %}" + "Our tents are here. " * 10 + "{% endblock %}")
    prices = Prices({"+39": SegmentPrice("+39", Decimal("0.0749"), "EUR")})
    found = await looked(shop, spring, project=replace(shop.sojourn.project, prices=prices))
    costs = {one.prefix: one for one in found.costs}
    assert (costs["+39"].messages, costs["+39"].segments) == (2, 4)
    assert (costs["+39"].amount, costs["+39"].currency) == (Decimal("0.2996"), "EUR")
    assert (costs["+48"].segments, costs["+48"].amount) == (2, None)
    assert any("no price is named for +48" in one for one in found.warnings)


async def test_a_message_of_several_channels_is_asked_about_one_by_one(shop: Shop) -> None:
    (by_text,) = await shop.people(1, email="", phone=f"+39333{int(shop.own, 16) % 10**7:07}")
    await shop.people(2)
    async with shop.store.transaction() as session:
        person = await people.lock(session, by_text)
        await consents.record(session, person, SMS, granted=True, source="form")
    spring = shop.campaign(message=shop.message(EMAIL, SMS))
    (shop.templates / spring.name / "message.sms.en.txt").write_text(
        "{% block text %}Our tents are here.{% endblock %}"
    )
    found = await looked(shop, spring)
    assert found.sent == {Channel.EMAIL: 2, Channel.SMS: 1}


@pytest_asyncio.fixture(loop_scope="session")
async def served(migrated_url: str, temporal: Server, tmp_path: Path) -> AsyncIterator[Shop]:
    settings = settings_of(tmp_path, migrated_url)
    async with await Store.open(settings.store_url) as store:
        yield Shop(temporal.client, store, settings, tmp_path)


async def test_what_it_says_is_what_becomes_of_the_campaign(served: Shop) -> None:
    await served.people(12)
    await unreachable(served)
    spring = served.campaign()
    said = await looked(served, spring, datetime.now(UTC))
    async with served.worker():
        await launching.launch(served.sojourn, spring, by="anna", approved=said.digest)
        counts = await served.ended(spring.name)
        after = await looked(served, spring, datetime.now(UTC))
    assert (counts.sent, counts.skipped) == (
        said.sent[Channel.EMAIL], sum(said.skipped.values()),
    )  # fmt: skip
    assert (after.state, after.decided, after.sent) == (CampaignState.FINISHED, 17, {})


async def test_where_somebody_else_has_to_approve_a_launch_waits_for_them(served: Shop) -> None:
    await served.people(1)
    spring = served.campaign()
    asks = {"campaign_approval": Approval.OTHER}
    served._settings = served._settings.model_copy(update=asks)
    served.sojourn = served.with_campaigns(spring)
    digest = launching.digest_of(served.sojourn, spring)

    async def approves(by: str) -> None:
        async with served.store.transaction() as session:
            await approving.approve(session, spring, digest, by=by)

    async def launch() -> None:
        now = launching.digest_of(served.sojourn, spring)
        await launching.launch(served.sojourn, spring, by="anna", approved=now)

    with pytest.raises(BadInput, match="wants the approval of somebody else than anna"):
        await launch()
    await approves("Anna ")
    with pytest.raises(BadInput, match="somebody else than anna"):
        await launch()
    await approves("eva")
    words = served.templates / spring.name / "message.email.en.html"
    words.write_text(WORDS + "<!-- more -->")
    with pytest.raises(BadInput, match=r"has changed \(words\) since eva approved it"):
        await launch()
    words.write_text(WORDS)
    await launch()
    assert (await served.counts(spring.name)).state is CampaignState.LAUNCHED


async def lines(shop: Shop, customer_id: str) -> list[str]:
    away = TemporalUnavailable("not asked")
    told = await story.tell(
        shop.store, shop.sojourn.settings, shop.sojourn.project, away, customer_id
    )
    return [one.text for one in told.timeline if isinstance(one, InAudience)]


async def test_explain_tells_of_a_campaign_whose_turn_has_not_come(served: Shop) -> None:
    (one,) = await served.people(1)
    (other,) = await served.people(1, attributes={})
    spring = served.campaign()
    await served.frozen(spring)
    (waits,) = await lines(served, one)
    assert waits.startswith(f"in the audience of {spring.name}, due ")
    assert waits.endswith(": not decided on yet")
    assert await lines(served, other) == []
    for act, because in ((CampaignAct.PAUSE, "a typo"), (CampaignAct.STOP, "wrong price")):
        async with served.store.transaction() as session:
            deed = CampaignDeed(campaign=spring.name, act=act, by="anna", because=because)
            await campaigns.act(session, deed)
        (said,) = await lines(served, one)
        assert f"anna {'paused' if act is CampaignAct.PAUSE else 'stopped'} the campaign" in said
        assert said.endswith(because)
    assert "before their turn" in said


async def test_a_campaign_that_was_decided_on_is_a_message_and_its_remedy_names_it(
    served: Shop,
) -> None:
    ids = await served.people(2, email=f"family-{served.own}@shop.example")
    spring = served.campaign()
    async with served.worker():
        await served.launch(spring)
        await served.ended(spring.name)
    away = TemporalUnavailable("not asked")
    instead = set()
    for one in ids:
        told = await story.tell(
            served.store, served.sojourn.settings, served.sojourn.project, away, one
        )
        assert await lines(served, one) == []
        instead |= {line.instead for line in told.timeline if isinstance(line, Decided)}
    assert instead == {
        "",
        "nothing: the same person, or the same address, has it from this campaign",
    }


async def test_of_a_campaign_that_recurs_the_next_occurrence_is_looked_at(shop: Shop) -> None:
    await shop.people(2, timezone="Europe/Rome")
    news = shop.campaign(when=weekly("tue", at="10:00"))
    found = await looked(shop, news)  # on a Monday
    assert [(one.hour, one.number) for one in found.hours] == [
        (datetime(2026, 3, 3, 9, tzinfo=UTC), 2)
    ]
    assert found.launch.startswith(f"sojourn campaign schedule {news.name} --approve ")
