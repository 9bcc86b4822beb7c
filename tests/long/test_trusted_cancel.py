"""No reminder is claimed after its purchase was acknowledged, however close the two are."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from google.protobuf.empty_pb2 import Empty
from temporalio.api.testservice.v1 import SleepRequest
from temporalio.client import Client, WorkflowExecutionStatus

from sojourn.dispatch import Sojourn
from sojourn.dispatch.planning import Plan
from sojourn.dispatch.routing import Target
from sojourn.dispatch.telling import Reached, Teller
from sojourn.domain.events import OrderCompleted, ProductAdded
from sojourn.journeys.queues import TASK_QUEUE
from sojourn.serving import worker
from sojourn.settings import Settings
from sojourn.store import Store, ledger
from sojourn.store.tables import ConsentRow, CustomerRow

CARTS = {"sqlite": 500, "postgresql": 80}
SPREAD = timedelta(seconds=1)
DAY = timedelta(hours=24)


async def test_no_reminder_is_claimed_after_an_acknowledged_purchase(
    time_skipping_client: Client, tmp_path: Path, database_url: str
) -> None:
    async with _shop(time_skipping_client, tmp_path, database_url) as (sojourn, carts):
        claimed, acknowledged = await _race(sojourn, carts)
    assert [who for who, at in claimed.items() if at > acknowledged[who]] == []
    # the moments were close enough to tell: some reminders went first, some purchases did
    assert 0 < len(claimed) < carts


async def test_no_reminder_is_claimed_after_a_stored_purchase_that_its_run_has_not_heard(
    time_skipping_client: Client,
    tmp_path: Path,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each run hears of its purchase after its reminder is decided, so that only the gate helps."""
    stored: dict[str, datetime] = {}
    decided = asyncio.Event()
    reach = Teller.reach

    async def reach_after_the_reminder(
        teller: Teller, target: Target, plan: Plan
    ) -> Reached | None:
        if plan.row.name == OrderCompleted.event_name:  # its row is committed
            stored[plan.row.customer_id] = datetime.now(UTC)
            await decided.wait()
        return await reach(teller, target, plan)

    async with _shop(time_skipping_client, tmp_path, database_url) as (sojourn, carts):
        monkeypatch.setattr(Teller, "reach", reach_after_the_reminder)
        (claimed, _), _ = await asyncio.gather(
            _race(sojourn, carts), _all_decided(sojourn.store, carts, decided)
        )
    assert [who for who, at in claimed.items() if at > stored[who]] == []
    assert 0 < len(claimed) < carts


@asynccontextmanager
async def _shop(
    client: Client, home: Path, database_url: str
) -> AsyncIterator[tuple[Sojourn, int]]:
    """Serve the journeys with a store of its own; yield the client, and how many carts to race."""
    settings = Settings(home=home, database_url=database_url, quiet_hours=None)
    async with await Store.open(database_url, migrate=True, pool_size=20) as store:
        queue = f"{TASK_QUEUE}-{uuid4().hex[:8]}"
        sojourn = Sojourn(
            client,
            store,
            settings,
            task_queue=queue,
            now=lambda: datetime.max.replace(tzinfo=UTC),
        )
        async with worker.serving(client, store, settings, task_queue=queue):
            yield sojourn, CARTS[database_url.partition(":")[0]]


async def _race(sojourn: Sojourn, carts: int) -> tuple[dict[str, datetime], dict[str, datetime]]:
    """Return when each reminder was claimed, if it was, and when each purchase was acknowledged."""
    acknowledged = await _buy_at_the_last_moment(sojourn, carts)
    async with sojourn.store.reading() as session:
        rows = await ledger.every(session)
    return {r.customer_id: r.claimed_at for r in rows if r.claimed_at}, acknowledged


async def _all_decided(store: Store, carts: int, decided: asyncio.Event) -> None:
    """Set the event once the gate has decided on the reminder of every cart."""
    while not decided.is_set():
        await asyncio.sleep(0.2)
        async with store.reading() as session:
            if len(await ledger.every(session)) >= carts:
                decided.set()


async def _buy_at_the_last_moment(sojourn: Sojourn, carts: int) -> dict[str, datetime]:
    """Let every cart's reminder fall due in the same second, and buy in that second."""
    rnd = random.Random(7)
    deadline = await _server_time(sojourn.client) + timedelta(hours=1)
    customers = [f"{uuid4().hex[:6]}-{n}" for n in range(carts)]
    at_once = asyncio.Semaphore(16)

    async def fill(customer: str) -> None:
        async with at_once:
            due = deadline + rnd.random() * SPREAD
            await sojourn.publish(
                ProductAdded(
                    customer_id=customer, cart_id="c", product_id="p", occurred_at=due - DAY
                )
            )

    acknowledged: dict[str, datetime] = {}

    async def buy(customer: str) -> None:
        await asyncio.sleep(rnd.random() * (2 * SPREAD).total_seconds())
        await sojourn.publish(
            OrderCompleted(
                customer_id=customer,
                cart_id="c",
                order_id="o",
                occurred_at=deadline,  # by the server's clock, which other tests have moved
            )
        )
        acknowledged[customer] = datetime.now(UTC)

    async with sojourn.store.transaction() as session:
        session.add_all(row for name in customers for row in _somebody(name, deadline - DAY))
    await asyncio.gather(*(fill(customer) for customer in customers))
    await _skip_to(sojourn.client, deadline - SPREAD / 2)  # from here on, time runs as it does
    await asyncio.gather(*(buy(customer) for customer in customers))
    for customer in customers:
        await _completed(sojourn.client, f"abandoned-cart:{customer}:c")
    return acknowledged


def _somebody(customer: str, at: datetime) -> tuple[CustomerRow, ConsentRow]:
    """Return the rows that an identify call leaves; 500 calls would take longer than the race."""
    return (
        CustomerRow(customer_id=customer, identified_at=at, email="a@shop.example"),
        ConsentRow(customer_id=customer, channel="email", granted=True, at=at, source="a test"),
    )


async def _completed(client: Client, workflow_id: str) -> None:
    handle = client.get_workflow_handle(workflow_id)
    deadline = asyncio.get_running_loop().time() + 300
    while (status := (await handle.describe()).status) is WorkflowExecutionStatus.RUNNING:
        assert asyncio.get_running_loop().time() < deadline, f"{workflow_id} goes on"
        await asyncio.sleep(0.02)
    assert status is WorkflowExecutionStatus.COMPLETED


async def _server_time(client: Client) -> datetime:
    return (await client.test_service.get_current_time(Empty())).time.ToDatetime(tzinfo=UTC)


async def _skip_to(client: Client, moment: datetime) -> None:
    request = SleepRequest()
    request.duration.FromTimedelta(moment - await _server_time(client))
    await client.test_service.unlock_time_skipping_with_sleep(request)
