"""Moved clocks: no message leaves after a purchase, although the clocks of its senders differ.

Carts are filled and bought by several services and gateways. The clock of each is off by up to half
the tolerance, so two differ by up to the tolerance. SOJOURN_SKEWED=2000 tries more carts.
"""

import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from google.protobuf.empty_pb2 import Empty
from temporalio.api.testservice.v1 import SleepRequest
from temporalio.client import Client

from sojourn.dispatch import Sojourn
from sojourn.dispatch.calls import Track, read_call
from sojourn.domain.customer import read_identity
from sojourn.domain.ordering import CLOCK_SKEW
from sojourn.journeys.queues import TASK_QUEUE
from sojourn.serving import worker
from sojourn.settings import Settings
from sojourn.store import Store, ledger
from tests.support.project import PROJECT

SIZE = int(os.environ.get("SOJOURN_SKEWED", "60"))
OFF = CLOCK_SKEW / 2
NAMES = ("{}", "{}?key=secret", "gid://shopify/Cart/{}?key=secret", " {} ", "")
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


async def test_no_message_leaves_after_a_purchase_whose_clock_was_wrong(
    time_skipping_client: Client, tmp_path: Path, migrated_url: str
) -> None:
    rnd = random.Random(11)
    async with _shop(time_skipping_client, tmp_path, migrated_url) as (store, gateways):
        customers = [f"{uuid4().hex[:8]}-{number}" for number in range(SIZE)]
        bought = customers[: SIZE * 9 // 10]
        now = await _server_time(time_skipping_client)
        for who in customers:
            await _fill(rnd.choice(gateways), who, now, rnd)
        for who in bought:
            await _buy(rnd.choice(gateways), who, now + SECOND, rnd)
        await _skip(time_skipping_client, 8 * DAY)
        async with store.reading() as session:
            rows = await ledger.every(session)
    sent = [row for row in rows if row.claimed_at is not None]
    after = {row.customer_id.removesuffix("-guest") for row in sent}.intersection(bought)
    assert after == set()
    # who did not buy was written to: the clocks took nothing away
    left = {row.customer_id.removesuffix("-guest") for row in sent if row.step == "reminder"}
    assert left == set(customers[len(bought) :])


async def _fill(gateway: Sojourn, who: str, now: datetime, rnd: random.Random) -> None:
    """Fill a cart as a guest or under an account, as a page whose clock is off tells it."""
    guest = rnd.random() < 0.3
    customer = f"{who}-guest" if guest else who
    await gateway.identify(
        read_identity(
            {"email": f"{who}@shop.example", "marketingConsent": {"email": True}},
            customer_id=customer,
            message_id=f"identify-{customer}",
            at=now - DAY,
        )
    )
    await _track(
        gateway,
        {
            "anonymousId" if guest else "userId": customer,
            "event": "Product Added",
            "properties": {
                "product_id": "p",
                "name": "Mug",
                "cart_id": rnd.choice(NAMES[:4]).format(who),
            },
            "timestamp": (now + rnd.uniform(-1, 1) * OFF).isoformat(),
        },
    )


async def _buy(gateway: Sojourn, who: str, now: datetime, rnd: random.Random) -> None:
    """Buy the cart under the account, as a server whose clock is off tells it."""
    name = rnd.choice(NAMES).format(who)
    at = now + rnd.uniform(-1, 1) * OFF
    if rnd.random() < 0.3:
        at = at.replace(microsecond=0)
    await _track(
        gateway,
        {
            "userId": who,
            "anonymousId": f"{who}-guest",
            "event": "Order Completed",
            "properties": {"order_id": f"o-{who}", **({"cart_id": name} if name else {})},
            "timestamp": max(at, now - OFF).isoformat(),
        },
    )


async def _track(gateway: Sojourn, call: dict[str, object]) -> None:
    read = read_call({"type": "track", "messageId": uuid4().hex, **call}, PROJECT.events)
    assert isinstance(read, Track)
    await read.into(gateway)


@asynccontextmanager
async def _shop(
    client: Client, home: Path, database_url: str
) -> AsyncIterator[tuple[Store, list[Sojourn]]]:
    """Serve the journeys; yield the store, and gateways whose clocks differ."""
    settings = Settings(home=home, database_url=database_url, quiet_hours=None)
    async with await Store.open(database_url, pool_size=20) as store:
        queue = f"{TASK_QUEUE}-{uuid4().hex[:8]}"
        server, real = await _server_time(client), datetime.now(UTC)

        def gateway(off: timedelta) -> Sojourn:
            return Sojourn(
                client,
                store,
                settings,
                PROJECT,
                task_queue=queue,
                now=lambda: server + (datetime.now(UTC) - real) + off,
            )

        async with worker.serving(client, store, settings, PROJECT, task_queue=queue):
            gateways = [gateway(off) for off in (-OFF, timedelta(0), OFF)]
            yield store, gateways
            for one in gateways:
                await one.drain()


async def _server_time(client: Client) -> datetime:
    return (await client.test_service.get_current_time(Empty())).time.ToDatetime(tzinfo=UTC)


async def _skip(client: Client, duration: timedelta) -> None:
    request = SleepRequest()
    request.duration.FromTimedelta(duration)
    await client.test_service.unlock_time_skipping_with_sleep(request)
