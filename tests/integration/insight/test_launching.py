"""The caps that a launch would meet are those that it then meets on the real engine."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sojourn import EMAIL, Audience, Campaign, Message, days, trait
from sojourn.domain.messages import Reason
from sojourn.insight.campaign_check import check
from sojourn.insight.leading.launching import Ahead
from sojourn.insight.leading.snapshot import Snapshot
from sojourn.project import Project
from sojourn.testkit import JourneyTest
from tests.support.leading import snapshot
from tests.support.project import WHOLE
from workflows.abandoned_cart import AbandonedCart

BEGIN = datetime(2026, 3, 26, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
SPRING = Campaign(
    "spring-offer",
    to=Audience("pro", trait("plan") == "pro"),
    message=Message(EMAIL, useful_for=days(2), topic="offers"),
)

pytestmark = pytest.mark.temporal


@pytest.fixture(scope="session")
def journey_project() -> Project:
    """Return the shop, whose policy allows two promotional messages a day."""
    return WHOLE


async def test_open_runs_use_up_the_caps_before_the_launch(
    journey: JourneyTest, tmp_path: Path
) -> None:
    journey.begin_at(BEGIN)
    await journey.identify(plan="pro")
    other = JourneyTest(
        journey._engine,
        journey.store,
        journey.settings,
        journey._task_queue,
        f"{journey.customer_id}-b",
        project=WHOLE,
    )
    other.begin_at(BEGIN)
    # without a run, and with addresses of their own
    await other.identify(plan="pro", email="b@shop.example", phone="+393201234568")
    for cart in ("k1", "k2"):
        await journey.start(AbandonedCart, cart_id=cart, product_id="p")
    await journey.after(3 * HOUR)
    await journey.settled()
    launch = BEGIN + 30 * HOUR
    file = await snapshot(
        journey.client, journey.store, await journey._engine.now(), tmp_path / "snapshot"
    )
    asked = (journey.store, journey.settings, WHOLE, SPRING, launch)
    before = await check(*asked, snapshot=Snapshot.of_file(file))
    assert (before.sent, before.held) == ({EMAIL: 2}, [])
    await journey.after(launch - await journey.now())
    await journey.settled()
    then = await check(*asked)
    assert then.ahead is None
    assert [(one.reason, one.number) for one in then.held] == [(Reason.CAP, 1)]
    assert before.ahead == Ahead(asked=1, held=1, skipped=0)
    assert before.ahead.scaled(2.5) == Ahead(asked=2, held=2, skipped=0)
