"""Open runs are led on in memory as the real engine goes on with them."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlmodel import select

from sojourn.domain.messages import Channel
from sojourn.domain.prices import read_prices
from sojourn.domain.sms import segments
from sojourn.insight.leading.forecast import forecast
from sojourn.project import Project
from sojourn.store import ledger, people, suppressions
from sojourn.store.tables import ContentRow
from sojourn.testkit import JourneyTest
from tests.support.leading import differ, happened, led, predicted, snapshot
from tests.support.project import WHOLE
from workflows.abandoned_cart import AbandonedCart
from workflows.onboarding import Onboarding
from workflows.renewal import Renewal

BEGIN = datetime(2026, 3, 26, 12, tzinfo=UTC)
MONTH = timedelta(days=30)

pytestmark = pytest.mark.temporal


@pytest.fixture(scope="session")
def journey_project() -> Project:
    """Return the shop with all of its journeys, and the caps of its policy."""
    return WHOLE


async def test_a_run_is_predicted_from_its_history(journey: JourneyTest, tmp_path: Path) -> None:
    journey.begin_at(BEGIN)
    await journey.identify(email="ada@shop.example", marketingConsent={"email": True})
    await journey.start(AbandonedCart, cart_id="k", product_id="p")
    await journey.after(timedelta(hours=30))
    await journey.settled()
    now = await journey._engine.now()
    file = await snapshot(journey.client, journey.store, now, tmp_path / "snapshot")
    found = led(file, WHOLE, journey.settings, MONTH)
    assert found.broken == {}
    at = await journey.now()
    await journey.after(MONTH)
    rows = await happened(journey.store, at, at + MONTH)
    assert [(line[0].rpartition("/")[2], line[2]) for line in rows] == [
        ("nudge", "sent"),
        ("offer", "sent"),
    ]
    assert differ(rows, predicted(found)) == []


async def test_what_the_store_alone_knows_of_a_customer_counts(
    journey: JourneyTest, tmp_path: Path
) -> None:
    """An address that bounced, a wish for distance, and a break hold in memory as they do there."""
    journey.begin_at(BEGIN)
    await journey.identify(email="ada@shop.example", phone="", push_token="")
    await journey.start(Onboarding)
    await journey.start(AbandonedCart, cart_id="k", product_id="p")
    await journey.start(Renewal, subscription_id="s", expires_at=BEGIN + timedelta(days=16))
    await journey.after(timedelta(hours=25))
    await journey.settled()
    at = await journey.now()
    async with journey.store.transaction() as session:
        person = await people.lock(session, journey.customer_id)
        person.least_days = {"cart": 6}
        person.snoozed_until = at + timedelta(days=4)
        person.phone2 = "+393201234567"
        session.add(person)
    async with journey.store.transaction() as session:
        await suppressions.add(
            session,
            Channel.SMS,
            "+393201234567",
            because="bounced",
            at=at,
            source="a report",
        )
    now = await journey._engine.now()
    file = await snapshot(journey.client, journey.store, now, tmp_path / "snapshot")
    found = led(file, WHOLE, journey.settings, MONTH)
    at = await journey.now()
    await journey.after(MONTH)
    await journey.settled()
    rows = await happened(journey.store, at, at + MONTH)
    assert differ(rows, predicted(found)) == []
    assert {line[3] for line in rows} == {"", "snoozed", "suppressed"}


async def test_a_forecast_is_the_ledger_of_the_next_thirty_days(
    journey: JourneyTest, tmp_path: Path
) -> None:
    journey.begin_at(BEGIN)
    await journey.identify(push_token="", timezone="Europe/Rome", phone="+393201234567")
    await journey.start(Onboarding)
    await journey.start(AbandonedCart, cart_id="k", product_id="p")
    await journey.after(timedelta(hours=5))
    await journey.start(AbandonedCart, cart_id="another", product_id="p")
    await journey.start(Renewal, subscription_id="s", expires_at=BEGIN + timedelta(days=26))
    await journey.after(timedelta(hours=30))
    await journey.settled()
    now = await journey._engine.now()
    file = await snapshot(journey.client, journey.store, now, tmp_path / "snapshot")
    prices = read_prices({"sms": {"currency": "EUR", "+39": "0.07"}})
    ahead = led(file, replace(WHOLE, prices=prices), journey.settings, MONTH)
    found = forecast(ahead, journey.settings, UTC)
    at = await journey.now()
    await journey.after(MONTH)
    await journey.settled()
    async with journey.store.reading() as session:
        rows = [row for row in await ledger.every(session) if at <= row.decided_at <= at + MONTH]
        texts = [
            content.content["text"]
            for content in await session.exec(select(ContentRow))
            for row in rows
            if row.id == content.ledger_id and row.channel == Channel.SMS
        ]
    hours = Counter(
        (row.decided_at.replace(minute=0, second=0, microsecond=0), row.channel, row.journey)
        for row in rows
        if row.state == "sent"
    )
    assert found.hours == hours
    assert set(found.by(2)) == {"onboarding", "abandoned-cart", "renewal"}
    assert found.skipped == Counter(row.reason for row in rows if row.state == "skipped")
    assert found.money.priced == len(texts) > 0
    assert found.money.amounts == {
        "EUR": sum(segments(one).count for one in texts) * Decimal("0.07")
    }
