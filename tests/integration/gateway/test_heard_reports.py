"""Providers' reports reach the run that sent the message, and the gate of the next message."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from sojourn.domain.events import ProductAdded
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind, Report
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.testkit import JourneyTest
from sojourn.testkit.fakes import Behaviour, serving
from sojourn.testkit.fakes.postmark import FakePostmark
from tests.support.gateway_server import Served
from tests.support.gateway_server import serving as gateway_for
from tests.support.listening import Listening
from tests.support.project import PROJECT
from workflows.abandoned_cart import AbandonedCart

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest_asyncio.fixture(loop_scope="session")
async def postmark(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakePostmark]:
    fake = FakePostmark()
    async with serving(fake):
        for name, value in fake.environment().items():
            monkeypatch.setenv(name, value)
        yield fake


@pytest_asyncio.fixture(loop_scope="session")
async def journey_settings(tmp_path: Path, migrated_url: str, postmark: FakePostmark) -> Settings:
    """Return a journey test's settings: either kind of database, e-mail by Postmark."""
    return Settings(
        home=tmp_path, database_url=migrated_url, quiet_hours=None, email_provider="postmark"
    )


@pytest.fixture
def listening() -> None:
    """Have the project's one journey wait for reports on its message."""


@pytest.fixture
def journey_project(request: pytest.FixtureRequest) -> Project:
    if "listening" not in request.fixturenames:
        return PROJECT
    return replace(PROJECT, journeys=Journeys([Listening]))


@pytest_asyncio.fixture(loop_scope="session")
async def served(journey: JourneyTest, postmark: FakePostmark) -> AsyncIterator[Served]:
    async with gateway_for(await journey._ready()) as served:
        await served.ready()
        postmark.hooks_to = served.url
        yield served


async def tell(
    journey: JourneyTest, postmark: FakePostmark, kind: Kind, *, order: int = -1
) -> None:
    """Have Postmark report on one of the messages that it took, now by the journey's clock."""
    taken = postmark.accepted[order]
    hook = postmark.hook(taken, kind, postmark.event_id(), await journey.now())
    await postmark.deliver(hook)
    assert postmark.hook_answers[-1] == 200
    await journey.settled()


# ---- the run that sent it ------------------------------------------------------------------


@pytest.mark.usefixtures("listening", "served")
@pytest.mark.parametrize("kind", [Kind.CLICKED, Kind.BOUNCED])
async def test_a_report_wakes_the_run_that_sent_the_message_and_no_other(
    journey: JourneyTest, postmark: FakePostmark, kind: Kind
) -> None:
    for cart in ("c1", "c2"):
        await journey.publish(ProductAdded, cart_id=cart, message_id=cart)
    assert journey.sent == ["reminder", "reminder"]
    await journey.after(HOUR)
    await tell(journey, postmark, kind, order=0)
    assert journey.sent == ["reminder", "reminder", "nudge"]
    first, _, nudge = await journey.messages()
    assert postmark.accepted[0].reference == first.reference
    assert nudge.workflow_id == first.workflow_id
    await journey.after(3 * DAY)
    assert journey.sent == ["reminder", "reminder", "nudge"]
    assert sorted(journey.outcomes) == ["exhausted", "exhausted"]


@pytest.mark.usefixtures("listening")
async def test_a_reply_wakes_the_run_and_its_text_stays_out_of_temporal(
    journey: JourneyTest, served: Served
) -> None:
    await journey.publish(ProductAdded, cart_id="c1", message_id="c1")
    (row,) = await journey.messages()
    now = await journey.now()
    told = Report("r1", Kind.REPLIED, now, Channel.EMAIL, row.reference, text="Yes, please")
    for _ in range(2):
        await served.gateway.report("twilio", [told], now)
    await journey.settled()
    assert journey.sent == ["reminder", "nudge"]
    assert "Yes, please" not in (await journey.history()).to_json()
    (event,) = [e for e in await served.stored(journey.customer_id) if e.name == "Message Replied"]
    assert event.properties["text"] == "Yes, please"


@pytest.mark.usefixtures("listening", "served")
async def test_a_delivery_report_does_not_wake_a_run_that_waits_for_a_click(
    journey: JourneyTest, postmark: FakePostmark
) -> None:
    await journey.publish(ProductAdded, cart_id="c1", message_id="c1")
    await tell(journey, postmark, Kind.DELIVERED)
    assert journey.sent == ["reminder"]
    assert journey.outcome == "open"


# ---- the answer that was lost --------------------------------------------------------------


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("behaviour", [Behaviour.ACCEPT, Behaviour.DROP_AFTER])
async def test_a_report_that_comes_before_the_providers_answer_counts(
    journey: JourneyTest, postmark: FakePostmark, behaviour: Behaviour
) -> None:
    postmark.tells, postmark.tells_before_answer = (Kind.DELIVERED,), True
    postmark.script.append(behaviour)
    await journey.start(AbandonedCart, cart_id="c")
    await journey.after(25 * HOUR)
    (row,) = await journey.messages()
    (order,) = postmark.accepted
    assert postmark.hook_answers == [200]
    assert (row.state, row.provider_id, row.progress) == ("sent", order.id, "delivered")


# ---- the next message ----------------------------------------------------------------------


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Kind.BOUNCED, "suppressed"),
        (Kind.COMPLAINED, "suppressed"),
        (Kind.UNSUBSCRIBED, "opted_out"),
    ],
)
async def test_a_bounce_a_complaint_or_a_refusal_stops_the_next_mail(
    journey: JourneyTest, postmark: FakePostmark, kind: Kind, reason: str
) -> None:
    await journey.identify(email="Ada@Shop.example")
    await journey.start(AbandonedCart, cart_id="c")
    await journey.after(25 * HOUR)
    await tell(journey, postmark, kind)
    await journey.after(7 * DAY)
    assert journey.sent == ["reminder", "nudge"]
    assert journey.skipped == [("offer", reason)]
    assert len(postmark.accepted) == 1


@pytest.mark.usefixtures("served")
async def test_a_new_address_is_not_suppressed_for_the_old_one(
    journey: JourneyTest, postmark: FakePostmark
) -> None:
    await journey.start(AbandonedCart, cart_id="c")
    await journey.after(25 * HOUR)
    await tell(journey, postmark, Kind.BOUNCED)
    await journey.identify(email="ada@new.example")
    await journey.after(7 * DAY)
    assert journey.sent == ["reminder", "nudge", "offer"]
