"""The campaigns that ship: who is in them, and that each is said in every language."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from sqlmodel import col

from sojourn.campaigns.freezing import freeze
from sojourn.cli.local.stack import Server
from sojourn.composing import load_project
from sojourn.dispatch import Sojourn
from sojourn.domain.campaign import Campaign
from sojourn.domain.campaign_plan import CampaignPlan
from sojourn.domain.events import OrderCompleted, ProductViewed
from sojourn.domain.messages import Channel
from sojourn.domain.states import MessageState
from sojourn.rendering.folders import Folders
from sojourn.store import Store, campaigns, recipients
from sojourn.store.dialects import is_postgresql
from sojourn.store.facts.all import holders
from sojourn.store.tables import CustomerRow, LedgerRow
from tests.support.campaigning import Shop, settings_of
from tests.support.markdown import ROOT

WHOLE = load_project(ROOT)
SHIPPED = WHOLE.campaigns
NOW = datetime(2026, 12, 6, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest_asyncio.fixture(loop_scope="session")
async def shop(migrated_url: str, temporal: Server, tmp_path: Path) -> AsyncIterator[Shop]:
    settings = settings_of(tmp_path, migrated_url)
    async with await Store.open(settings.store_url) as store:
        yield Shop(temporal.client, store, settings, tmp_path)


async def chosen(
    shop: Shop, campaign: Campaign, ids: list[str], now: datetime, day: str = ""
) -> list[int]:
    """Return the numbers of those of some customers who are in the audience of a campaign."""
    plan = CampaignPlan.of(campaign, campaign.name, now, occasion=day)
    async with shop.store.reading() as session:
        query = holders(plan.fact, now, postgresql=is_postgresql(session))
        connection = await session.connection()
        mine = query.where(col(CustomerRow.customer_id).in_(ids))
        found = set((await connection.execute(mine)).scalars())
    return [number for number, one in enumerate(ids) if one in found]


@pytest.mark.parametrize("name", SHIPPED)
def test_it_is_said_in_every_language(name: str) -> None:
    one = SHIPPED[name]
    folders = Folders(WHOLE.templates)
    for channel in one.message.channels:
        assert folders.languages(name, one.template, channel) == set(WHOLE.languages)
    topic = WHOLE.topics[one.message.topic]
    assert set(topic.name) == set(WHOLE.languages)


async def test_a_birthday_is_asked_about_the_day_of_the_occurrence(shop: Shop) -> None:
    born = ["1990-02-28", "02-29", "--02-28", "1990-03-01", "28.2.1990", None]
    ids = [(await shop.people(1, attributes={"birthday": one}))[0] for one in born]
    fires = datetime(2027, 2, 27, 19, tzinfo=UTC)
    birthday = SHIPPED["birthday"]
    assert await chosen(shop, birthday, ids, fires, "2027-02-28") == [0, 1, 2]
    assert await chosen(shop, birthday, ids, fires + DAY, "2027-03-01") == [3]
    leap = datetime(2028, 2, 27, 19, tzinfo=UTC)
    assert await chosen(shop, birthday, ids, leap, "2028-02-28") == [0, 2]
    assert await chosen(shop, birthday, ids, leap + DAY, "2028-02-29") == [1]


async def test_a_changed_date_is_planned_again_and_brings_no_second_congratulation(
    shop: Shop,
) -> None:
    today, other = date(2026, 11, 25), date(2026, 11, 26)
    (one,) = await shop.people(1, attributes={"birthday": f"1990-{today:%m-%d}"})
    birthday = SHIPPED["birthday"]
    fires = datetime(2026, 11, 24, 19, tzinfo=UTC)
    assert await chosen(shop, birthday, [one], fires, str(today)) == [0]
    async with shop.store.transaction() as session:
        row = await session.get(CustomerRow, one)
        assert row is not None
        row.attributes = {"birthday": f"1990-{other:%m-%d}"}
        session.add(row)
    assert await chosen(shop, birthday, [one], fires, str(today)) == []
    assert await chosen(shop, birthday, [one], fires + DAY, str(other)) == [0]
    limit = birthday.message.at_most
    assert limit is not None
    assert (limit.number, limit.days) == (1, 330), "another date within the year is one too many"


async def test_the_day_of_the_first_order_comes_from_the_next_year_on(shop: Shop) -> None:
    ids = await shop.people(3)
    sojourn = Sojourn(
        shop.sojourn.client, shop.store, shop.sojourn.settings, shop.sojourn.project,
        task_queue=shop.queue,
    )  # fmt: skip
    moments = [
        (ids[0], datetime(2025, 12, 6, 23, tzinfo=UTC)),
        (ids[0], datetime(2026, 3, 1, tzinfo=UTC)),
        (ids[1], datetime(2024, 1, 1, tzinfo=UTC)),
        (ids[1], datetime(2025, 12, 6, tzinfo=UTC)),
    ]
    for number, (one, at) in enumerate(moments):
        order = OrderCompleted(customer_id=one, order_id=f"{one}{number}", occurred_at=at)
        await sojourn.publish(order, wait=False)
    first_order = SHIPPED["first-order-day"]
    assert await chosen(shop, first_order, ids, NOW, "2026-12-06") == [0]
    assert await chosen(shop, first_order, ids, NOW, "2026-12-07") == []


async def test_win_back_and_we_miss_you_do_not_both_write(shop: Shop) -> None:
    now = datetime.now(UTC)
    ids = await shop.people(7)
    silent, recent, about, asked, held, long_ago, skipped = ids
    for one in ids:
        ago = 89 if one == recent else 100
        order = OrderCompleted(customer_id=one, order_id=f"o{one}", occurred_at=now - ago * DAY)
        await shop.sojourn.publish(order, wait=False)
    seen = ProductViewed(customer_id=about, product_id="p", occurred_at=now - 30 * DAY)
    await shop.sojourn.publish(seen, wait=False)
    async with shop.store.transaction() as session:
        for one, state, ago in (
            (asked, "sent", 40), (held, "deferred", 1), (long_ago, "sent", 91),
            (skipped, "skipped", 40),
        ):  # fmt: skip
            key = f"win-back:{one}"
            session.add(
                LedgerRow(
                    ledger_key=key, reference=key, message_id=key, workflow_id=key, enrolment="",
                    journey="win-back", customer_id=one, n=1, step="question",
                    template="question", channel="email", message_class="promotional",
                    topic="win-back", state=MessageState(state), due_at=now,
                    decided_at=now - ago * DAY,
                )
            )  # fmt: skip
    found = await chosen(shop, SHIPPED["we-miss-you"], ids, now, "2026-12-05")
    assert [ids[number] for number in found] == [silent, long_ago, skipped]


async def test_a_birthday_is_frozen_and_due_at_nine_where_the_customer_lives(shop: Shop) -> None:
    day = date(2030, 5, 4)
    (one,) = await shop.people(1, attributes={"birthday": "1990-05-04"}, timezone="Asia/Tokyo")
    birthday = SHIPPED["birthday"]
    campaign_id = f"birthday@{day}"
    now = datetime(2030, 5, 3, 19, tzinfo=UTC)
    plan = CampaignPlan.of(birthday, campaign_id, now, occasion=str(day))
    async with shop.store.transaction() as session:
        await campaigns.launch(
            session, campaign_id, name="birthday", digest="d", by="a",
            plan=plan.model_dump(mode="json"),
        )  # fmt: skip
    await freeze(shop.store, campaign_id, now, own=frozenset(), default_zone="UTC")
    async with shop.store.reading() as session:
        row = await campaigns.get(session, campaign_id)
        due = await recipients.next_due(session, campaign_id, Channel.EMAIL.value)
    assert row.size >= 1, one
    assert due == datetime(2030, 5, 4, 0, tzinfo=UTC), "nine in Tokyo"
