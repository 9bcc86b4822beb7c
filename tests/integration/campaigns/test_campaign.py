"""A campaign from its launch to its end, on the real engine."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from sojourn import SMS, at_local
from sojourn.campaigns import launching
from sojourn.channels.provider import Parcel
from sojourn.cli.local.stack import Server
from sojourn.domain.alias import Alias
from sojourn.domain.campaign_run import CampaignAct, CampaignState
from sojourn.domain.customer import Erasure
from sojourn.domain.errors import (
    AmbiguousSend,
    BadInput,
    InvalidRecipient,
    RateLimited,
    TransientError,
)
from sojourn.domain.events import OrderCompleted
from sojourn.domain.messages import Channel
from sojourn.store import Store, campaigns, consents, people, suppressions
from tests.support.campaigning import Counting, Shop, settings_of

HOUR = timedelta(hours=1)


@pytest_asyncio.fixture(loop_scope="session")
async def shop(migrated_url: str, temporal: Server, tmp_path: Path) -> AsyncIterator[Shop]:
    settings = settings_of(tmp_path, migrated_url)
    async with await Store.open(settings.store_url) as store:
        yield Shop(temporal.client, store, settings, tmp_path)


def address(customer_id: str) -> str:
    return f"{customer_id}@shop.example"


async def test_everybody_in_the_audience_gets_the_message_once(shop: Shop) -> None:
    ids = await shop.people(250)
    await shop.people(3, attributes={"shop": "another"})
    spring = shop.campaign()
    async with shop.worker():
        await shop.launch(spring)
        counts = await shop.ended(spring.name)
    assert (counts.state, counts.size, counts.sent) == (CampaignState.FINISHED, 250, 250)
    assert shop.carrier.took == Counter(map(address, ids))
    rows = await shop.rows(ids)
    assert {row.state for row in rows} == {"sent"}
    assert len({row.message_id for row in rows}) == 250
    assert str(counts) == "finished: 250 sent, 0 not, 0 in doubt"


async def test_launched_twice_it_is_one_campaign(shop: Shop) -> None:
    ids = await shop.people(5)
    spring = shop.campaign()
    async with shop.worker():
        await asyncio.gather(*(shop.launch(spring) for _ in range(3)))
        await shop.ended(spring.name)
        again = await shop.launch(spring)
    assert again.state is CampaignState.FINISHED
    assert shop.carrier.took == Counter(map(address, ids))


async def test_occasions_are_campaigns_of_their_own(shop: Shop) -> None:
    (one,) = await shop.people(1)
    news = shop.campaign("news")
    async with shop.worker():
        for week in ("w1", "w2"):
            await shop.launch(news, week)
            await shop.ended(f"{news.name}@{week}")
    assert shop.carrier.took[address(one)] == 2


async def test_a_campaign_that_has_changed_since_its_approval_is_not_launched(shop: Shop) -> None:
    await shop.people(1)
    spring = shop.campaign()
    approved = launching.digest_of(shop.sojourn, spring)
    words = shop.templates / spring.name / "message.email.en.html"
    words.write_text(words.read_text() + "<!-- more -->")
    with pytest.raises(BadInput, match="has changed since"):
        await launching.launch(shop.sojourn, spring, by="anna", approved=approved)
    with pytest.raises(BadInput, match="no campaign"):
        await shop.counts(spring.name)


async def test_who_may_not_be_written_to_has_a_row_that_says_why(shop: Shop) -> None:
    (fine,) = await shop.people(1)
    (nowhere,) = await shop.people(1, email="")
    (bounced,) = await shop.people(1)
    (no,) = await shop.people(1)
    async with shop.store.transaction() as session:
        await suppressions.add(
            session, Channel.EMAIL, address(bounced), because="bounced",
            at=datetime.now(UTC), source="test",
        )  # fmt: skip
        person = await people.lock(session, no)
        await consents.record(
            session, person, Channel.EMAIL, granted=False, topic="news", source="link"
        )
    spring = shop.campaign()
    async with shop.worker():
        await shop.launch(spring)
        counts = await shop.ended(spring.name)
    rows = {row.customer_id: (row.state, row.reason) for row in await shop.rows(
        [fine, nowhere, bounced, no])}  # fmt: skip
    assert rows == {
        fine: ("sent", None),
        nowhere: ("skipped", "no_address"),
        bounced: ("skipped", "suppressed"),
        no: ("skipped", "opted_out"),
    }
    assert (counts.sent, counts.skipped) == (1, 3)


async def test_one_address_gets_one_message_though_two_customers_have_it(shop: Shop) -> None:
    ids = await shop.people(3, email=f"Family-{shop.own}@shop.example")
    spring = shop.campaign()
    async with shop.worker():
        await shop.launch(spring)
        await shop.ended(spring.name)
    assert shop.carrier.took.total() == 1
    assert sorted((row.state, row.reason) for row in await shop.rows(ids)) == [
        ("sent", None), ("skipped", "already_told"), ("skipped", "already_told"),
    ]  # fmt: skip


async def test_one_person_gets_one_message_though_two_ids_were_frozen(shop: Shop) -> None:
    old, new = await shop.people(2)
    spring = shop.campaign()
    await shop.frozen(spring)
    await shop.sojourn.alias(Alias(old, new, message_id="a1", at=datetime.now(UTC)), wait=False)
    async with shop.worker():
        counts = await shop.ended(spring.name)
    assert shop.carrier.took.total() == 1
    assert sorted((row.state, row.reason) for row in await shop.rows([new])) == [
        ("sent", None), ("skipped", "already_told"),
    ]  # fmt: skip
    assert (counts.size, counts.sent, counts.skipped) == (2, 1, 1)


async def test_who_buys_after_the_freeze_gets_no_offer(shop: Shop) -> None:
    bought, looked = await shop.people(2)
    offer = shop.campaign(goal=OrderCompleted)
    before = OrderCompleted(customer_id=looked, order_id="o0", occurred_at=datetime.now(UTC) - HOUR)
    await shop.sojourn.publish(before, wait=False)
    await shop.frozen(offer)
    await shop.sojourn.publish(OrderCompleted(customer_id=bought, order_id="o1"), wait=False)
    async with shop.worker():
        await shop.ended(offer.name)
    rows = {row.customer_id: (row.state, row.reason) for row in await shop.rows([bought, looked])}
    assert rows == {bought: ("skipped", "goal_reached"), looked: ("sent", None)}


async def test_who_comes_after_the_freeze_gets_nothing_and_who_is_erased_neither(
    shop: Shop,
) -> None:
    stays, gone = await shop.people(2)
    spring = shop.campaign()
    await shop.frozen(spring)
    (late,) = await shop.people(1)
    await shop.sojourn.erase(Erasure(gone, message_id="e1", at=datetime.now(UTC)))
    async with shop.worker():
        await shop.ended(spring.name)
    assert shop.carrier.took == Counter([address(stays)])
    assert await shop.rows([late]) == []


async def test_failures_are_settled_one_by_one(shop: Shop) -> None:
    ids = await shop.people(6)
    dead, slow, lost, *fine = ids

    def fails(parcel: Parcel, times: int) -> None:
        if parcel.address == address(dead):
            raise InvalidRecipient("no such mailbox")
        if parcel.address == address(slow) and times == 1:
            raise RateLimited("slow down", retry_after=timedelta(seconds=1))
        if parcel.address == address(lost):
            raise AmbiguousSend("the answer was lost")

    shop.carrier = Counting(fails)
    spring = shop.campaign()
    async with shop.worker():
        await shop.launch(spring)
        counts = await shop.ended(spring.name)
    rows = {row.customer_id: row.state for row in await shop.rows(ids)}
    assert rows == {dead: "rejected", slow: "sent", lost: "unknown", **dict.fromkeys(fine, "sent")}
    assert shop.carrier.asked[address(lost)] == 1, "a doubtful promotional message goes once"
    assert (counts.sent, counts.rejected, counts.unknown) == (4, 1, 1)


async def test_a_stop_is_answered_with_the_numbers_and_nothing_is_claimed_after(
    shop: Shop,
) -> None:
    ids = await shop.people(60)
    spring = shop.campaign(rate=10)
    async with shop.worker():
        await shop.launch(spring)
        await shop.until(spring.name, lambda counts: counts.sent >= 10)
        counts = await launching.act(
            shop.sojourn, spring.name, CampaignAct.STOP, by="anna", because="wrong price"
        )
        answered = datetime.now(UTC)
        end = await shop.ended(spring.name)
    assert counts.state is CampaignState.STOPPED
    assert (counts.under_way, counts.unknown) == (0, 0)
    assert counts.sent == shop.carrier.took.total() == end.sent < 60
    rows = await shop.rows(ids)
    assert all(row.claimed_at is None or row.claimed_at <= answered for row in rows)
    assert counts.unsent == 60 - counts.sent


async def test_a_paused_campaign_goes_on_where_it_was(shop: Shop) -> None:
    ids = await shop.people(40)
    spring = shop.campaign(rate=20)
    async with shop.worker():
        await shop.launch(spring)
        await shop.until(spring.name, lambda counts: counts.sent > 0)
        paused = await launching.act(
            shop.sojourn, spring.name, CampaignAct.PAUSE, by="anna", because="look"
        )
        took = shop.carrier.took.total()
        await asyncio.sleep(1.5)
        assert shop.carrier.took.total() == took == paused.sent
        await launching.act(
            shop.sojourn, spring.name, CampaignAct.RESUME, by="anna", because="fine"
        )
        await shop.ended(spring.name)
    assert shop.carrier.took == Counter(map(address, ids))
    async with shop.store.reading() as session:
        words = await campaigns.words(session, spring.name)
    assert [(word.what, word.by) for word in words] == [
        ("launch", "anna"), ("pause", "anna"), ("resume", "anna"), ("finish", "campaign"),
    ]  # fmt: skip


async def test_each_zone_has_its_own_hour(shop: Shop) -> None:
    now = datetime.now(UTC)
    hour = (now + timedelta(seconds=4)).replace(tzinfo=None)
    (in_time,) = await shop.people(1, timezone="UTC")
    (late,) = await shop.people(1, timezone="Asia/Tokyo")
    spring = shop.campaign(
        when=at_local(hour, passed="never"), message=shop.message(useful_for=HOUR)
    )
    async with shop.worker():
        await shop.launch(spring)
        await shop.ended(spring.name)
    rows = {row.customer_id: (row.state, row.reason) for row in await shop.rows([in_time, late])}
    assert rows == {in_time: ("sent", None), late: ("skipped", "too_late")}
    assert shop.carrier.moments[address(in_time)] >= now + timedelta(seconds=3.5)


async def test_a_broken_template_pauses_the_campaign(shop: Shop) -> None:
    await shop.people(120)
    spring = shop.campaign()
    words = shop.templates / spring.name / "message.email.en.html"
    words.write_text(words.read_text().replace("Look at", "{{ customer.nothing }}"))
    async with shop.worker():
        await shop.launch(spring)
        counts = await shop.until(spring.name, lambda one: one.state is CampaignState.PAUSED)
        assert counts.rejected == 100
        assert not shop.carrier.asked
        await launching.act(shop.sojourn, spring.name, CampaignAct.STOP, by="a", because="broken")
        await shop.ended(spring.name)


async def test_a_text_message_goes_by_batches_too(shop: Shop) -> None:
    (one,) = await shop.people(1, phone=f"+39333{int(shop.own, 16) % 10**7:07}")
    async with shop.store.transaction() as session:
        person = await people.lock(session, one)
        await consents.record(session, person, Channel.SMS, granted=True, source="form")
    text = shop.campaign("text", message=shop.message(SMS))
    (shop.templates / text.name / "message.sms.en.txt").write_text(
        "{% block text %}Our tents are here.{% endblock %}"
    )
    async with shop.worker():
        await shop.launch(text)
        counts = await shop.ended(text.name)
    assert counts.sent == 1


async def test_a_provider_that_is_away_is_asked_again(shop: Shop) -> None:
    ids = await shop.people(3)

    def fails(_: Parcel, times: int) -> None:
        if times == 1:
            raise TransientError("away", retry_after=timedelta(seconds=1))

    shop.carrier = Counting(fails)
    spring = shop.campaign()
    async with shop.worker():
        await shop.launch(spring)
        await shop.ended(spring.name)
    assert shop.carrier.took == Counter(map(address, ids))
