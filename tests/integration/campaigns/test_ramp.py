"""A domain that warms up: campaigns keep to its budget of the day, and wait for the next."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest_asyncio
from sqlalchemy import update
from sqlmodel import col, select
from temporalio.client import WorkflowHandle

from sojourn import TRANSACTIONAL, Campaign
from sojourn.campaigns import launching
from sojourn.cli.local.stack import Server
from sojourn.domain.brakes import Harm
from sojourn.domain.campaign_plan import CampaignPlan
from sojourn.domain.campaign_run import PREFIX, CampaignAct, CampaignState
from sojourn.domain.events import ProductAdded
from sojourn.domain.messages import Channel, Delivery, MessageClass, Reason, Receipt
from sojourn.domain.ramp import Ladder, Turn, day_of
from sojourn.domain.ramp_file import Ramps
from sojourn.domain.rules import Rules
from sojourn.domain.span import hours
from sojourn.insight import campaign_check
from sojourn.insight.ramps import waits_of
from sojourn.sending.batches.gate import BatchGate
from sojourn.sending.drafting import Claim
from sojourn.sending.gate import Gate
from sojourn.store import Store, campaigns, harms, ramps, recipients
from sojourn.store.tables import EventRow, RampDayRow, RampRow, RecipientRow
from tests.support.campaigning import DAY, Shop, settings_of
from tests.support.rows import delivery_of

DOMAIN = "shop.example"


@pytest_asyncio.fixture(loop_scope="session")
async def shop(migrated_url: str, temporal: Server, tmp_path: Path) -> AsyncIterator[Shop]:
    settings = settings_of(tmp_path, migrated_url)
    async with await Store.open(settings.store_url) as store:
        yield Shop(temporal.client, store, settings, tmp_path)


def ladder(shop: Shop, *steps: int, least: int = 100) -> Ladder:
    one = Ladder(steps=steps, least=least)
    shop.ramps = Ramps({DOMAIN: one})
    return one


def today() -> date:
    return day_of(datetime.now(UTC), "UTC")[0]


async def day_row(shop: Shop) -> RampDayRow:
    async with shop.store.reading() as session:
        row = await ramps.look(session, DOMAIN, today())
    assert row is not None
    return row


async def waits(shop: Shop, campaign: Campaign) -> str:
    """Wait until a campaign says that it waits, and return its line."""
    for _ in range(1_000):
        async with shop.store.reading() as session:
            project = shop.sojourn.project
            said = await waits_of(session, shop.sojourn.settings, project, campaign.name)
        if said:
            return said
        await asyncio.sleep(0.1)
    raise TimeoutError(campaign.name)


async def told(handle: WorkflowHandle[Any, Any], said: str) -> bool:
    """Wait until Temporal's details have a line."""
    for _ in range(300):
        if said in str(await handle.query("__temporal_workflow_metadata")):
            return True
        await asyncio.sleep(0.1)
    return False


async def a_day_passes(store: Store) -> None:
    """Make today's budget yesterday's, and have everybody asked about who waits."""
    async with store.transaction() as session:
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


async def look_again(shop: Shop, campaign: Campaign) -> None:
    """Wake a campaign's workflow."""
    for deed in (CampaignAct.PAUSE, CampaignAct.RESUME):
        await launching.act(shop.sojourn, campaign.name, deed, by="anna", because="a new day")


async def deliveries(shop: Shop, campaign: Campaign) -> Mapping[int, Delivery]:
    now = datetime.now(UTC)
    async with shop.store.reading() as session:
        row = await campaigns.get(session, campaign.name)
        rows = await recipients.due(session, row.id, "email", now=now, limit=100)
    plan = CampaignPlan.model_validate(row.plan)
    start = (row.frozen_at or now, row.start_seq)
    return {
        one.id: plan.delivery(
            one.customer_id, due=one.due_at, now=now, lane=Channel.EMAIL, start=start
        )
        for one in rows
        if one.id is not None
    }


async def test_a_day_has_its_budget_and_the_next_one_a_larger_one(shop: Shop) -> None:
    ids = await shop.people(45)
    ladder(shop, 10, 40)
    spring = shop.campaign(message=shop.message(useful_for=2 * DAY))
    async with shop.worker():
        await shop.launch(spring)
        said = await waits(shop, spring)
        assert said == "waits for tomorrow's budget of shop.example: 10 of 10"
        assert shop.carrier.took.total() == 10
        handle = shop.sojourn.client.get_workflow_handle(PREFIX + spring.name)
        assert await told(handle, "budget of shop.example: 10 of 10")
        async with shop.store.reading() as session:
            open_ones = select(RecipientRow).where(col(RecipientRow.next_at).is_not(None))
            rows = (await session.exec(open_ones)).all()
        assert {one.next_at for one in rows} == {one.due_at + DAY for one in rows}, "its hour"
        assert len(await shop.rows(ids)) == 10, "nobody is asked about in vain"
        await a_day_passes(shop.store)
        await look_again(shop, spring)
        counts = await shop.ended(spring.name)
    assert (counts.state, counts.sent) == (CampaignState.FINISHED, 45)
    assert shop.carrier.took == Counter(f"{one}@shop.example" for one in ids)
    assert ((await day_row(shop)).budget, (await day_row(shop)).used) == (40, 35)
    async with shop.store.reading() as session:
        words = await ramps.words(session, DOMAIN, limit=9)
    assert [(one.turn, one.level, one.sent, one.because) for one in words] == [
        (Turn.CLIMBS, 2, 10, "its fullest day had 10 of 10"),
        (Turn.BEGINS, 1, 0, "nothing has left yet"),
    ]


async def test_who_is_of_no_use_by_the_next_day_is_too_late(shop: Shop) -> None:
    ids = await shop.people(12)
    ladder(shop, 5, 10)
    spring = shop.campaign(message=shop.message(useful_for=timedelta(seconds=8)), rate=50)
    async with shop.worker():
        await shop.launch(spring)
        await waits(shop, spring)
        counts = await shop.ended(spring.name)
    assert (counts.sent, counts.skipped) == (5, 7)
    reasons = Counter(row.reason for row in await shop.rows(ids))
    assert reasons == {None: 5, "too_late": 7}


async def test_two_batches_at_once_share_a_budget(shop: Shop) -> None:
    await shop.people(20)
    ladder(shop, 25, 50)
    message = shop.message(useful_for=2 * DAY)
    one, other = shop.campaign("one", message=message), shop.campaign("other", message=message)
    shop.sojourn = shop.with_campaigns(one, other)
    for each in (one, other):
        await shop.frozen(each)
    gate = BatchGate.of(shop.store, shop.sojourn.settings, shop.sojourn.project, Rules)
    now = datetime.now(UTC)
    asked = [await deliveries(shop, each) for each in (one, other)]
    answers = await asyncio.gather(*(gate.decide(each, now) for each in asked))
    told = [answer for each in answers if each for answer in each.values()]
    held = [answer for answer in told if isinstance(answer, Receipt)]
    assert len(told) == 40
    assert sum(isinstance(answer, Claim) for answer in told) == 25
    assert {answer.reason for answer in held} == {Reason.RAMP}
    due = {each.due for one in asked for each in one.values()}
    assert {answer.until for answer in held} <= {moment + DAY for moment in due}, "its hour"
    assert (await day_row(shop)).used == 25
    assert await gate.decide(await deliveries(shop, one), now) == {}, "these go singly"


async def test_what_a_customer_needs_and_what_a_journey_says_pass(shop: Shop) -> None:
    (one,) = await shop.people(1)
    ladder(shop, 1, 50)
    project, settings = shop.sojourn.project, shop.sojourn.settings
    shop.sojourn = shop.with_campaigns()
    project = shop.sojourn.project
    gate = Gate.of(shop.store, settings, project, Rules, lambda *_: (Channel.EMAIL,))
    now = datetime.now(UTC)
    added = ProductAdded(customer_id=one, product_id="p", cart_id="c", occurred_at=now)
    await shop.sojourn.publish(added, wait=False)
    async with shop.store.reading() as session:
        query = select(EventRow).where(EventRow.customer_id == one)
        event = (await session.exec(query)).one()
    assert event.seq is not None

    async def ask(step: str, kind: MessageClass) -> object:
        start = (event.occurred_at, event.seq or 0)
        changes = {
            "enrolment": event.message_id, "step": step, "message_class": kind, "due": now,
            "now": now, "useful_until": now + hours(1), "start": start, "latest": start,
        }  # fmt: skip
        return await gate.pass_or_refuse(delivery_of(one).model_copy(update=changes), now)

    assert isinstance(await ask("receipt", TRANSACTIONAL), Claim)
    async with shop.store.reading() as session:
        assert await ramps.look(session, DOMAIN, today()) is None, "it does not even count"
    for step in ("reminder", "nudge"):
        assert isinstance(await ask(step, MessageClass.PROMOTIONAL), Claim)
    assert (await day_row(shop)).used == 2, "more than the budget: a journey does not wait"


async def test_a_day_is_decided_once_and_harm_makes_it_fall(shop: Shop) -> None:
    ids = await shop.people(30)
    steps = ladder(shop, 10, 30, 90, least=20)
    spring = shop.campaign()

    async def open_day() -> RampDayRow:
        async with shop.store.transaction() as session:
            return await ramps.today(session, DOMAIN, steps, today())

    async with shop.store.transaction() as session:
        await ramps.put(session, DOMAIN, steps, today(), 2, by="anna", because="it is known")
    async with shop.worker():
        await shop.launch(spring)
        await shop.ended(spring.name)
    async with shop.store.transaction() as session:
        for row in (await shop.rows(ids))[:9]:
            assert row.id is not None
            await harms.note(session, row.id, Harm.BOUNCED)
            await harms.note(session, row.id, Harm.BOUNCED)
    await a_day_passes(shop.store)
    opened = await asyncio.gather(*(open_day() for _ in range(6)))
    assert {(row.level, row.budget, row.because) for row in opened} == {
        (1, 10, "30 % of 30 messages bounced, over 5 %")
    }
    async with shop.store.reading() as session:
        words = await ramps.words(session, DOMAIN, limit=9)
    assert [(one.turn, one.level, one.by, one.sent, one.bounced) for one in words] == [
        (Turn.FALLS, 1, "ramp", 30, 9),
        (Turn.SET, 2, "anna", 0, 0),
        (Turn.BEGINS, 1, "ramp", 0, 0),
    ]
    await a_day_passes(shop.store)
    assert (await open_day()).turn is Turn.STAYS, "the harm of before is atoned for"


async def test_off_its_ladder_a_domain_has_no_budget_today_and_tomorrow(shop: Shop) -> None:
    steps = ladder(shop, 1, 2)
    await shop.people(9)
    spring = shop.campaign()
    async with shop.worker():
        await shop.launch(spring)
        await waits(shop, spring)
        async with shop.store.transaction() as session:
            await ramps.put(session, DOMAIN, steps, today(), None, by="anna", because="known")
        await look_again(shop, spring)
        counts = await shop.ended(spring.name)
    assert counts.sent == 9
    await a_day_passes(shop.store)
    async with shop.store.transaction() as session:
        assert (await ramps.today(session, DOMAIN, steps, today())).budget is None


async def test_the_check_says_how_many_days_it_takes(shop: Shop) -> None:
    await shop.people(30)
    ladder(shop, 5, 10, 40)
    spring = shop.campaign(message=shop.message(useful_for=timedelta(days=9)))
    now = datetime.now(UTC)
    project, settings = shop.sojourn.project, shop.sojourn.settings
    found = await campaign_check.check(shop.store, settings, project, spring, now)
    assert found.warming is not None
    assert (found.warming.budget, found.warming.days) == (5, 3)
    assert found.ends is not None
    assert (found.ends - now).days == 2
    short = shop.campaign("short", message=shop.message(useful_for=timedelta(hours=30)))
    found = await campaign_check.check(shop.store, settings, shop.sojourn.project, short, now)
    assert found.late == 15
    async with shop.store.reading() as session:
        assert await ramps.find(session, DOMAIN) is None, "a look stores nothing"
