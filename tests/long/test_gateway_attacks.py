"""A flood of one customer id, bodies that never end, and more senders than the gateway can serve.

Every figure is compared with one of the same run, on the same machine. ``SOJOURN_ATTACK=full``
tries the full size.
"""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import pytest_asyncio

from sojourn.cli.local.processes import HOST, Child, free_port, python
from sojourn.cli.local.stack import Server
from sojourn.store import Store, keys
from tests.support.loading import Tally, crowd, one_by_one, open_line, request

FULL = os.environ.get("SOJOURN_ATTACK") == "full"
SECONDS = 20.0 if FULL else 8.0
CALM = 400 if FULL else 150
ANSWER_SECONDS = 8.0
"""The setting of the gateway, which is not changed here."""


@dataclass(frozen=True)
class Gate:
    """A gateway in a process of its own."""

    url: str
    key: str
    store: Store

    def purchases(self, count: int) -> list[bytes]:
        """Return purchases of as many customers."""
        return [self.purchase() for _ in range(count)]

    def purchase(self) -> bytes:
        """Return the purchase of a customer that nobody has."""
        who = f"calm-{uuid4().hex[:12]}"
        properties = {"order_id": f"o-{who}", "cart_id": "k", "total": 12.5, "currency": "EUR"}
        return self.track(who, "Order Completed", properties)

    def track(self, customer_id: str, event: str, properties: dict[str, object]) -> bytes:
        """Return a call."""
        call = {"userId": customer_id, "event": event, "properties": properties}
        return request(self.url, self.key, "/v1/track", {**call, "messageId": str(uuid4())})


@pytest_asyncio.fixture(loop_scope="session")
async def gate(temporal: Server, tmp_path: Path) -> AsyncIterator[Gate]:
    database_url = f"sqlite:///{tmp_path}/gateway.db"
    store = await Store.open(database_url, migrate=True)
    async with store.transaction() as session:
        _, key = await keys.add(session, "test")
    port, operations = free_port(), f"{HOST}:{free_port()}"
    child = Child(
        "the gateway",
        python("-m", "sojourn", "gateway", "--port", str(port)),
        tmp_path / "gateway.log",
        env={
            "TEMPORAL_ADDRESS": temporal.address,
            "SOJOURN_HOME": str(tmp_path),
            "SOJOURN_DATABASE_URL": database_url,
            "SOJOURN_GATEWAY_OPERATIONS_ADDRESS": operations,
        },
    )
    await child.start()
    url = f"http://{HOST}:{port}"

    async def answers() -> bool:
        try:
            return (await http.get(f"http://{operations}/readyz")).is_success
        except httpx.TransportError:
            return False

    try:
        async with httpx.AsyncClient(base_url=url, timeout=30) as http:
            await child.ready(answers)
        gate = Gate(url, key, store)
        await one_by_one(url, gate.purchases(20))  # the first ones are slow, and not measured
        yield gate
    finally:
        await child.stop()
        await store.close()


def _shown(what: str, tally: Tally) -> None:
    waits = f", p50 {tally.wait(0.5):.3f} s, p99 {tally.wait(0.99):.3f} s" if tally.waits else ""
    print(f"\n{what}: {dict(tally.codes)}, {tally.goodput:.0f}/s{waits}")  # noqa: T201 (-s)


async def test_a_flood_of_one_customer_id_is_that_customers(gate: Gate) -> None:
    idle = await one_by_one(gate.url, gate.purchases(CALM))
    numbers = itertools.count()

    def flood() -> bytes:
        first = next(numbers)
        properties = {"product_id": "p", "name": "N", "price": 1, "currency": "EUR"}
        batch = [
            {
                "type": "track",
                "userId": "undefined",
                "event": "Product Added",
                "messageId": f"u{first}-{n}",
                "properties": {**properties, "cart_id": f"k{n % 50}"},
            }
            for n in range(100)
        ]
        return request(gate.url, gate.key, "/v1/batch", {"batch": batch})

    flooding = asyncio.create_task(crowd(gate.url, 40, 2 * SECONDS, flood, pause=1))
    await asyncio.sleep(1)
    loaded = await one_by_one(gate.url, gate.purchases(CALM))
    flooded = await flooding
    after = await one_by_one(gate.url, gate.purchases(CALM))
    for what, tally in (
        ("idle", idle),
        ("flood", flooded),
        ("beside it", loaded),
        ("after", after),
    ):
        _shown(what, tally)
    assert set(loaded.codes) == set(after.codes) == {200}, "nobody else is refused"
    for tally in (loaded, after):
        if FULL:  # on a machine of its own; a busy one has other reasons, too
            assert tally.wait(0.99) < 3 * max(idle.wait(0.99), 0.01)
        else:
            assert tally.wait(0.9) < 10 * max(idle.wait(0.9), 0.02)


async def test_half_sent_bodies_concern_nobody_else(gate: Gate) -> None:
    idle = await one_by_one(gate.url, gate.purchases(CALM))
    lines = [await open_line(gate.url) for _ in range(300)]
    for _, writer in lines:
        writer.write(gate.purchase()[:-10])
        await writer.drain()
    beside = await one_by_one(gate.url, gate.purchases(CALM))
    _shown("idle", idle)
    _shown("beside half-sent bodies", beside)
    assert set(beside.codes) == {200}
    assert beside.wait(0.9) < 10 * max(idle.wait(0.9), 0.02)
    for _, writer in lines:
        writer.close()


async def test_overload_levels_off(gate: Gate) -> None:
    sizes: Sequence[int] = (50, 200, 1000) if not FULL else (50, 100, 200, 400, 1000, 2000)
    done = {}
    for connections in sizes:
        done[connections] = await crowd(gate.url, connections, SECONDS, gate.purchase)
        _shown(f"{connections} connections", done[connections])
    best = max(tally.goodput for tally in done.values())
    for connections, tally in done.items():
        # 503: admitted, and given up in time because the machine was busy with something else
        assert set(tally.codes) <= ({200, 429} if FULL else {200, 429, 503}), "answered"
        # 0.8 on a machine of its own: the client takes a share of this one, and of two thousand
        # connections' time the part in which they are opened and refused
        level = 0.3 if not FULL else 0.8 if connections <= 1000 else 0.6
        assert tally.goodput > level * best, connections
        assert max(tally.waits) < ANSWER_SECONDS + 4, "what was admitted is answered in time"
