"""A stop is stored before it is answered: from Temporal's UI, from the client, and by a cancel."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle

from sojourn.channels.outbox import Outbox
from sojourn.channels.provider import Parcel
from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn
from sojourn.domain.customer import read_identity
from sojourn.domain.errors import BadInput, RateLimited
from sojourn.domain.events import OrderCompleted, ProductAdded
from sojourn.domain.messages import Channel
from sojourn.domain.quiet_hours import QuietHours
from sojourn.journeys.queues import TASK_QUEUE
from sojourn.serving import worker
from sojourn.settings import Settings
from sojourn.store import Store, ledger, stops
from sojourn.store.tables import LedgerRow
from sojourn.testkit import JourneyTest
from workflows.abandoned_cart import AbandonedCart

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Busy(Outbox):
    """A provider that asks for patience, as often as it is told to."""

    name = "busy"

    def __init__(self) -> None:
        self.refuses = True
        self.carried: list[Parcel] = []

    async def send(self, parcel: Parcel) -> str:
        if self.refuses:
            raise RateLimited("slow down", retry_after=timedelta(seconds=1))
        self.carried.append(parcel)
        return f"id-{len(self.carried)}"


class Shop:
    """A shop on the real server, and a cart whose reminder is due."""

    def __init__(self, sojourn: Sojourn, carrier: Busy, customer_id: str) -> None:
        self.sojourn = sojourn
        self.carrier = carrier
        self.customer_id = customer_id

    async def remind(self) -> WorkflowHandle[Any, Any]:
        """Start a run whose reminder is due, and wait until its first attempt has failed."""
        added = ProductAdded(
            customer_id=self.customer_id,
            product_id="p",
            cart_id="k",
            occurred_at=datetime.now(UTC) - DAY - timedelta(minutes=1),
        )
        (run,) = (await self.sojourn.publish(added)).runs
        async with asyncio.timeout(30):
            while True:
                rows = await self.rows()
                if [row for row in rows if row.state == "claimed" and row.detail]:
                    break
                await asyncio.sleep(0.02)
        return self.sojourn.client.get_workflow_handle(run)

    async def rows(self) -> list[LedgerRow]:
        async with self.sojourn.store.reading() as session:
            return list(await ledger.of_customer(session, self.customer_id))


@asynccontextmanager
async def _served(server: Server, settings: Settings) -> AsyncIterator[Shop]:
    async with await Store.open(settings.store_url) as store:
        queue, customer_id = f"{TASK_QUEUE}-{uuid4().hex[:8]}", f"c-{uuid4().hex[:8]}"
        sojourn = Sojourn(server.client, store, settings, task_queue=queue)
        traits = {"email": "ada@shop.example", "marketingConsent": {"email": True}}
        identity = read_identity(
            traits, customer_id=customer_id, message_id="i", at=datetime.now(UTC)
        )
        carrier = Busy()
        carriers = dict.fromkeys(Channel, carrier)
        async with worker.serving(
            server.client, store, settings, task_queue=queue, carriers=carriers
        ):
            await sojourn.identify(identity)
            yield Shop(sojourn, carrier, customer_id)


@pytest.fixture
async def shop(temporal: Server, journey_settings: Settings) -> AsyncIterator[Shop]:
    async with _served(temporal, journey_settings) as served:
        yield served


async def _nothing_left(shop: Shop) -> None:
    """See the message's row settled, and that the provider never got the message."""
    (row,) = await shop.rows()
    assert (row.state, row.reason) == ("skipped", "run_stopped")
    assert row.caused_by is not None
    assert shop.carrier.carried == []


async def test_an_update_of_temporals_ui_stops_a_message_that_waits_for_its_retry(
    shop: Shop,
) -> None:
    handle = await shop.remind()
    answer = await handle.execute_update("stop", "asked by support")
    assert answer == "stopped: asked by support"
    await _nothing_left(shop)  # from the answer on, not from the next attempt on
    shop.carrier.refuses = False
    assert (await handle.result())["outcome"] == "stopped"
    await _nothing_left(shop)


async def test_a_stop_by_the_client_stops_a_message_that_waits_for_its_retry(shop: Shop) -> None:
    handle = await shop.remind()
    await shop.sojourn.stop(handle.id, because="asked by support", by="anna")
    await _nothing_left(shop)
    shop.carrier.refuses = False
    assert (await handle.result())["outcome"] == "stopped"
    await _nothing_left(shop)


async def test_a_cancel_stops_a_message_that_waits_for_its_retry(shop: Shop) -> None:
    handle = await shop.remind()
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    await _nothing_left(shop)
    shop.carrier.refuses = False


async def test_a_stop_is_answered_once_the_store_has_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = await shop.remind()
    tries, note = 0, stops.note

    async def note_at_last(*given: Any, **named: Any) -> Any:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise OSError("the database is away")
        return await note(*given, **named)

    monkeypatch.setattr(stops, "note", note_at_last)
    await handle.execute_update("stop", "asked by support")
    assert tries == 3
    await _nothing_left(shop)


async def test_a_purchase_while_a_stop_is_stored_loses_neither(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run has its goal, and ends once the stop is answered."""
    handle = await shop.remind()
    noting, go_on, note = asyncio.Event(), asyncio.Event(), stops.note

    async def note_slowly(*given: Any, **named: Any) -> Any:
        noting.set()
        await go_on.wait()
        return await note(*given, **named)

    monkeypatch.setattr(stops, "note", note_slowly)
    stopping = asyncio.create_task(handle.execute_update("stop", "asked by support"))
    await noting.wait()
    # it waits until the stop lets the customer go: waiting for it here would never end
    bought = OrderCompleted(customer_id=shop.customer_id, order_id="o", cart_id="k")
    buying = asyncio.create_task(shop.sojourn.publish(bought))
    await asyncio.sleep(0)
    go_on.set()
    await buying
    assert await stopping == "stopped: asked by support"
    assert (await handle.result())["outcome"] in ("converted", "stopped")
    assert shop.carrier.carried == []


async def test_a_run_that_never_was_cannot_be_stopped(shop: Shop) -> None:
    with pytest.raises(BadInput, match="was ever started"):
        await shop.sojourn.stop("abandoned-cart:nobody:k", because="asked by support")
    with pytest.raises(BadInput, match="say why"):
        await shop.sojourn.stop("abandoned-cart:nobody:k", because=" ")


class TestNight:
    @pytest.fixture
    def journey_settings(self, journey_settings: Settings) -> Settings:
        return journey_settings.model_copy(update={"quiet_hours": QuietHours(time(21), time(9))})

    @pytest.fixture
    async def held(self, journey: JourneyTest) -> JourneyTest:
        """A reminder that fell due at 22:00 in Rome, and is held until nine."""
        journey.begin_at(datetime(2024, 1, 8, 21, tzinfo=UTC))
        await journey.start(AbandonedCart, cart_id="c")
        await journey.after(25 * HOUR)
        (row,) = await journey.messages()
        assert row.state == "deferred"
        return journey

    async def test_a_stop_settles_a_held_message(self, held: JourneyTest) -> None:
        await held.stop("the shop is closed")
        assert held.outcome == "stopped"
        assert held.skipped == [("reminder", "run_stopped")]

    @pytest.mark.temporal
    async def test_a_cancel_settles_a_held_message(self, held: JourneyTest) -> None:
        run = await held._newest()
        await held.client.get_workflow_handle(run.workflow_id).cancel()
        await held.settled()
        assert held.outcome == "canceled"
        assert held.skipped == [("reminder", "run_stopped")]

    async def test_a_later_product_starts_the_journey_again(self, held: JourneyTest) -> None:
        await held.stop("the shop is closed")
        await held.after(HOUR)
        await held.publish(ProductAdded, cart_id="c", product_id="later")
        await held.after(3 * DAY)
        assert held.sent == ["reminder"]
        assert held.outcomes == ["stopped", "open"]

    async def test_a_product_of_before_the_stop_starts_nothing(self, held: JourneyTest) -> None:
        before = await held.now() - timedelta(minutes=5)
        await held.stop("the shop is closed")
        await held.publish(ProductAdded, cart_id="c", product_id="late", occurred_at=before)
        assert held.outcomes == ["stopped"]
