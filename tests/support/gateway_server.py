"""A gateway in tests: a real server on a free port, over a real store and Temporal's dev server."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from sojourn.channels.http import trusted
from sojourn.cli.commands.gateway import listening
from sojourn.dispatch import Sojourn
from sojourn.gateway.gateway import Gateway
from sojourn.gateway.server import serve_gateway
from sojourn.settings import Settings
from sojourn.store import Store, events, keys
from sojourn.store.tables import EventRow


@dataclass(frozen=True)
class Served:
    """A running gateway, with a write key."""

    url: str
    key: str
    http: httpx.AsyncClient
    operations: httpx.AsyncClient
    gateway: Gateway
    stop: asyncio.Event

    @property
    def store(self) -> Store:
        return self.gateway.sojourn.store

    async def told(self) -> None:
        """Wait until the runs are told of every stored event, or cannot be told now."""
        await self.gateway.sojourn.drain()

    async def post(self, path: str, call: Any = None, **options: Any) -> httpx.Response:
        """Post a call as the SDKs do."""
        body: dict[str, Any] = {} if "content" in options else {"json": call}
        return await self.http.post(path, **{"auth": (self.key, ""), **body, **options})

    async def until(
        self, path: str, holds: Callable[[httpx.Response], bool], seconds: float = 20
    ) -> httpx.Response:
        """Repeat a GET of an operators' path until the answer is as expected."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not holds(answer := await self.operations.get(path)):
            assert asyncio.get_running_loop().time() < deadline, answer.text
            await asyncio.sleep(0.01)
        return answer

    async def ready(self) -> None:
        await self.until("/readyz", lambda answer: answer.status_code == 200)

    async def stored(self, customer_id: str) -> list[EventRow]:
        async with self.store.reading() as session:
            return list(await events.of_customer(session, customer_id))


@asynccontextmanager
async def serving(sojourn: Sojourn) -> AsyncIterator[Served]:
    """Serve a gateway for as long as the block lasts, with a key that may do anything."""
    async with sojourn.store.transaction() as session:
        _, key = await keys.add(session, "test", may_wait=True)
    gateway, stop, started = Gateway(sojourn), asyncio.Event(), asyncio.Event()
    sock, second = listening("127.0.0.1", 0), listening("127.0.0.1", 0)
    url, operations_url = (f"http://127.0.0.1:{one.getsockname()[1]}" for one in (sock, second))
    task = asyncio.create_task(
        serve_gateway(gateway, sock, stop, operations=second, on_start=started.set)
    )
    async with (
        httpx.AsyncClient(base_url=url, timeout=30, verify=trusted()) as http,
        httpx.AsyncClient(base_url=operations_url, timeout=30, verify=trusted()) as operations,
    ):
        await started.wait()
        await gateway.backend.looked.wait()  # Temporal may be absent on purpose
        try:
            yield Served(url, key, http, operations, gateway, stop)
        finally:
            stop.set()
            await task


def basic(key: str) -> str:
    return "Basic " + base64.b64encode(f"{key}:".encode()).decode()


def added(customer_id: str, **call: Any) -> dict[str, Any]:
    """Return a shopper's call."""
    return {
        "userId": customer_id,
        "event": "Product Added",
        "properties": {"cart_id": "k1", "product_id": "p1", "price": 12.5},
        "messageId": str(uuid4()),
        **call,
    }


def settings(**changes: Any) -> Settings:
    return Settings(quiet_hours=None, **changes)
