"""Open runs are led on in memory as the real engine goes on with them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sojourn.testkit import JourneyTest
from tests.support.leading import differ, happened, led, predicted, snapshot
from tests.support.project import WHOLE
from workflows.abandoned_cart import AbandonedCart

BEGIN = datetime(2026, 3, 26, 12, tzinfo=UTC)
MONTH = timedelta(days=30)

pytestmark = pytest.mark.temporal


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
