"""The SDKs that services already have, as they are published, drive runs over the gateway."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import rudderstack.analytics
import segment.analytics
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle

from dispatch import Sojourn
from starter.processes import HOST, Child, free_port, python, running
from starter.stack import Server
from store import customers, events, keys
from store.tables import EventRow
from tests.node_packages import LOCKED, node, node_packages  # noqa: F401 (a fixture)

SDKS: dict[str, Callable[..., Any]] = {
    "segment": segment.analytics.Client,
    "rudderstack": rudderstack.analytics.Client,
}


@dataclass(frozen=True)
class Shop:
    """A gateway that is a process of its own, and the engine behind it."""

    url: str
    key: str
    sojourn: Sojourn

    def run(self, customer_id: str, cart_id: str = "k1") -> WorkflowHandle[Any, Any]:
        workflow_id = f"abandoned-cart:{customer_id}:{cart_id}"
        return self.sojourn.client.get_workflow_handle(workflow_id)

    async def is_running(self, customer_id: str, cart_id: str = "k1") -> bool:
        status = (await self.run(customer_id, cart_id).describe()).status
        return status is WorkflowExecutionStatus.RUNNING

    async def outcome(self, customer_id: str, cart_id: str = "k1") -> str:
        result = await asyncio.wait_for(self.run(customer_id, cart_id).result(), 20)
        return str(result["outcome"])

    async def stored(self, customer_id: str) -> list[EventRow]:
        async with self.sojourn.store.reading() as session:
            return list(await events.of_customer(session, customer_id))

    async def email(self, customer_id: str) -> str | None:
        async with self.sojourn.store.reading() as session:
            card = await customers.find(session, customer_id)
        return card.email if card else None


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(
    served: tuple[Sojourn, Server], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Shop]:
    sojourn, server = served
    async with sojourn.store.transaction() as session:
        _, key = await keys.add(session, "shop")
    home, port = tmp_path_factory.mktemp("gateway"), free_port()
    child = Child(
        "the gateway",
        python("-m", "starter", "gateway", "--port", str(port)),
        home / "log",
        env={
            "TEMPORAL_ADDRESS": server.address,
            "SOJOURN_HOME": str(home),
            "SOJOURN_DATABASE_URL": sojourn.settings.store_url,
        },
    )
    url = f"http://{HOST}:{port}"
    async with running(child), httpx.AsyncClient(base_url=url) as http:

        async def ready() -> bool:
            try:
                return (await http.get("/readyz")).is_success
            except httpx.TransportError:
                return False

        await child.ready(ready)
        yield Shop(url, key, sojourn)


@dataclass
class Sdk:
    """A client of a Python SDK, off the event loop, for it waits for the network."""

    client: Any
    errors: list[Exception] = field(default_factory=list)

    async def flush(self) -> None:
        await asyncio.to_thread(self.client.flush)


MakeSdk = Callable[..., Sdk]


@pytest.fixture
def make_sdk() -> Iterator[MakeSdk]:
    made = []

    def make(name: str, url: str, key: str, **options: Any) -> Sdk:
        errors: list[Exception] = []
        client = SDKS[name](
            key,
            host=url,
            on_error=lambda error, batch: errors.append(error),
            upload_interval=0.02,
            **options,
        )
        made.append(client)
        return Sdk(client, errors)

    yield make
    for client in made:
        client.join()


# ---- a run, from the first product to the order ----------------------------------------------


@pytest.mark.parametrize("packed", [True, False], ids=["gzip", "plain"])
@pytest.mark.parametrize("name", SDKS)
async def test_python(
    shop: Shop, make_sdk: MakeSdk, customer_id: str, name: str, packed: bool
) -> None:
    sdk = make_sdk(name, shop.url, shop.key, gzip=packed)
    consent = {"email": True}
    sdk.client.identify(customer_id, {"email": "ada@example.com", "marketingConsent": consent})
    product = {"cart_id": "k1", "product_id": "p1", "price": 12.5}
    sdk.client.track(customer_id, "Product Added", product)
    await sdk.flush()
    assert await shop.is_running(customer_id)
    assert await shop.email(customer_id) == "ada@example.com"
    sdk.client.track(customer_id, "Order Completed", {"order_id": "o1", "cart_id": "k1"})
    await sdk.flush()
    assert await shop.outcome(customer_id) == "converted"
    assert sdk.errors == []


async def test_node(shop: Shop, node_packages: Path, customer_id: str) -> None:  # noqa: F811
    script = (LOCKED / "segment.js").read_text()
    assert await node(node_packages, script, shop.url, shop.key, customer_id) == ""
    assert await shop.email(customer_id) == "ada@example.com"
    assert await shop.outcome(customer_id) == "converted"


@pytest.mark.parametrize("name", SDKS)
async def test_many_calls_come_in_batches_and_in_their_order(
    shop: Shop, make_sdk: MakeSdk, customer_id: str, name: str
) -> None:
    sdk = make_sdk(name, shop.url, shop.key, upload_size=10)
    for number in range(35):
        sdk.client.track(customer_id, "Page Read", {"number": number})
    await sdk.flush()
    rows = sorted(await shop.stored(customer_id), key=lambda row: row.seq or 0)
    assert [row.properties["number"] for row in rows] == list(range(35))
    assert sdk.errors == []
