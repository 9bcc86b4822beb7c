"""`self.call`: a journey calls the project's own activities."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio
from temporalio.api.enums.v1 import EventType

from sojourn import Settings, Sojourn, days
from sojourn.cli.local.stack import Server
from sojourn.events import OrderCompleted, ProductAdded
from sojourn.journeys.queues import TASK_QUEUE
from sojourn.journeys.registry import Journeys
from sojourn.serving.worker import serving
from sojourn.store import Store, tickets
from sojourn.testkit import JourneyTest
from sojourn.testkit.shop import FakeShop, fake_shop
from tests.support.calling import Calling
from tests.support.hanging import (
    Beginning,
    Hanging,
    begun,
    given_up,
    hang_long,
    hang_once,
    hangs,
    let_go,
)
from tests.support.project import PROJECT
from workflows.abandoned_cart import AbandonedCart
from workflows.onboarding import Onboarding


@pytest_asyncio.fixture(loop_scope="session")
async def shop(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeShop]:
    async with fake_shop() as shop:
        monkeypatch.setenv("SHOP_CODES_URL", f"{shop.url}/codes")
        monkeypatch.setenv("SHOP_TICKETS_URL", f"{shop.url}/tickets")
        yield shop


async def test_the_offer_has_the_code_that_the_shop_issued(
    journey: JourneyTest, shop: FakeShop
) -> None:
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.after(days(8))
    assert journey.sent == ["reminder", "nudge", "offer"]
    (asked,) = shop.codes.values()
    assert asked == {"customer_id": journey.customer_id, "cart_id": "cart7", "percent": 10}
    offer = await journey.content("offer")
    assert "SHOP0001" in offer["text"]
    assert offer["codes"] == ["SHOP0001"]


async def test_a_shop_without_codes_gets_a_derived_one(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.after(days(8))
    (code,) = (await journey.content("offer"))["codes"]
    assert code.startswith("BACK10-")


async def test_a_call_is_retried_and_the_shop_acts_once(
    journey: JourneyTest, shop: FakeShop
) -> None:
    shop.failing = 3
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.after(days(8))
    assert len(shop.codes) == 1
    assert journey.sent == ["reminder", "nudge", "offer"]


async def test_without_a_code_no_offer_is_sent(journey: JourneyTest, shop: FakeShop) -> None:
    shop.failing = 1_000_000
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.after(days(10))
    assert shop.codes == {}
    assert journey.sent == ["reminder", "nudge"]
    assert journey.outcome == "exhausted"


async def test_the_goal_ends_a_call_that_is_retried(
    temporal: Server, journey_settings: Settings, shop: FakeShop, customer_id: str
) -> None:
    """Prove it on the dev server: the test server hangs when a retried activity is cancelled."""
    shop.failing = 1_000_000
    project = replace(PROJECT, journeys=Journeys([Calling]))
    queue = f"{TASK_QUEUE}-{customer_id}"
    async with (
        await Store.open(journey_settings.store_url) as store,
        serving(temporal.client, store, journey_settings, project, task_queue=queue),
    ):
        sojourn = Sojourn(temporal.client, store, journey_settings, project, task_queue=queue)
        added = ProductAdded(customer_id=customer_id, cart_id="cart7", product_id="p")
        (run,) = (await sojourn.publish(added)).runs
        async with asyncio.timeout(20):
            await shop.asked.wait()
            await sojourn.publish(
                OrderCompleted(customer_id=customer_id, cart_id="cart7", order_id="o")
            )
            result = await temporal.client.get_workflow_handle(run).result()
        await sojourn.drain()
    assert result["outcome"] == "converted"


async def test_an_attempt_that_hangs_is_given_up_and_made_again(
    temporal: Server, journey_settings: Settings, customer_id: str
) -> None:
    """An attempt whose worker died looks the same to Temporal."""
    project = replace(PROJECT, journeys=Journeys([Hanging]), activities={hang_once.name: hang_once})
    queue = f"{TASK_QUEUE}-{customer_id}"
    async with (
        await Store.open(journey_settings.store_url) as store,
        serving(temporal.client, store, journey_settings, project, task_queue=queue),
    ):
        sojourn = Sojourn(temporal.client, store, journey_settings, project, task_queue=queue)
        added = ProductAdded(customer_id=customer_id, cart_id="cart7", product_id="p")
        (run,) = (await sojourn.publish(added)).runs
        async with asyncio.timeout(20):
            await temporal.client.get_workflow_handle(run).result()
        await sojourn.drain()
    assert (begun[customer_id], given_up[customer_id]) == (2, 1)


async def test_steps_that_begin_again_during_a_call_call_again_at_once(
    temporal: Server, journey_settings: Settings, customer_id: str
) -> None:
    """Temporal refuses a second activity by the id of one whose attempt has not ended."""
    project = replace(
        PROJECT, journeys=Journeys([Beginning]), activities={hang_long.name: hang_long}
    )
    queue = f"{TASK_QUEUE}-{customer_id}"
    async with (
        await Store.open(journey_settings.store_url) as store,
        serving(temporal.client, store, journey_settings, project, task_queue=queue),
    ):
        sojourn = Sojourn(temporal.client, store, journey_settings, project, task_queue=queue)
        added = ProductAdded(customer_id=customer_id, cart_id="cart7", product_id="p")
        (run,) = (await sojourn.publish(added)).runs
        handle = temporal.client.get_workflow_handle(run)
        async with asyncio.timeout(20):
            await hangs[customer_id].wait()
            more = ProductAdded(customer_id=customer_id, cart_id="cart7", product_id="q")
            await sojourn.publish(more)
            await handle.result()
        let_go[customer_id].set()
        history = await handle.fetch_history()
        await sojourn.drain()
    kinds = [event.event_type for event in history.events]
    assert EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED not in kinds
    assert begun[customer_id] == 2


@pytest.mark.temporal
async def test_a_history_names_the_call_and_holds_nothing_personal(
    journey: JourneyTest, shop: FakeShop
) -> None:
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.after(days(8))
    history = await journey.history()
    scheduled = [
        event.activity_task_scheduled_event_attributes.activity_id
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    ]
    assert scheduled == ["1-reminder", "2-nudge", "issue_code-1", "3-offer"]
    assert "ada@shop.example" not in history.to_json()


async def test_a_ticket_is_kept_where_no_helpdesk_is(journey: JourneyTest) -> None:
    await journey.start(Onboarding)
    await journey.after(timedelta(days=8))
    async with journey.store.reading() as session:
        (ticket,) = await tickets.listed(session)
    assert ticket.customer_id == journey.customer_id
    assert ticket.run == f"onboarding:{journey.customer_id}"
    assert journey.outcome == "exhausted"


async def test_a_helpdesk_is_told_once(journey: JourneyTest, shop: FakeShop) -> None:
    await journey.start(Onboarding)
    await journey.after(timedelta(days=8))
    assert len(shop.tickets) == 1
    async with journey.store.reading() as session:
        assert await tickets.listed(session) == []
