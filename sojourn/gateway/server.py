"""One serving process: uvicorn on its sockets, until it is told to stop."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import structlog
import uvicorn
from starlette.types import ASGIApp

from sojourn.dispatch.client import Sojourn
from sojourn.dispatch.connection import connect
from sojourn.garbage import loaded_left_out
from sojourn.gateway.app import make_api, make_app
from sojourn.gateway.gateway import Gateway
from sojourn.gateway.http.operations import make_operations
from sojourn.gateway.http.protocol import Protocol
from sojourn.settings import Settings
from sojourn.store import Store

log = structlog.stdlib.get_logger("sojourn.gateway")

GRACE_SECONDS = 30
"""Seconds for requests that have begun to finish."""
OPERATORS_GRACE_SECONDS = 2
"""The same for operators' requests, which end after all others."""
KEEP_ALIVE_SECONDS = 75
"""Seconds to keep an idle connection: longer than SDKs and proxies, which must close it first."""


class Server(uvicorn.Server):
    """uvicorn without its signal handlers.

    Args:
        config: uvicorn's configuration.
        on_start: called once the server answers.
    """

    def __init__(self, config: uvicorn.Config, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        self._on_start()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the command: uvicorn would raise them again afterwards."""
        yield


async def serve(
    settings: Settings,
    sock: socket.socket,
    stop: asyncio.Event,
    *,
    operations: socket.socket | None = None,
    processes: int = 1,
    on_start: Callable[[], None] = lambda: None,
) -> None:
    """Serve on the sockets until ``stop``; then finish the requests that have begun.

    Temporal may come later; until then events are stored, and no run is told.

    Args:
        settings: the settings of this installation.
        sock: the bound socket for customers.
        stop: set when to end.
        operations: the bound socket for operators; None: their routes are not served.
        processes: the number of processes that serve on the same sockets.
        on_start: called once the server answers.

    Raises:
        BadSetting: a setting makes no sense.
        StoreUnavailable: the database cannot be opened, or is of another version.
    """
    store = await Store.open(settings.store_url, pool_size=settings.database_connections)
    try:
        client = await connect(settings, lazy=True)
        gateway = Gateway(Sojourn(client, store, settings), processes=processes)
        await serve_gateway(gateway, sock, stop, operations=operations, on_start=on_start)
    finally:
        await store.close()


async def serve_gateway(
    gateway: Gateway,
    sock: socket.socket,
    stop: asyncio.Event,
    *,
    operations: socket.socket | None = None,
    on_start: Callable[[], None] = lambda: None,
) -> None:
    """Serve as `serve` does, with a gateway whose parts are already open.

    Args:
        gateway: answers the requests.
        sock: the bound socket for customers.
        stop: set when to end.
        operations: the bound socket for operators; None: their routes are not served.
        on_start: called once the server answers.
    """
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    api = make_api(gateway)
    async with _shown(make_operations(gateway.backend, api.openapi), operations):
        await _served(gateway, make_app(gateway, api), sock, stop, on_start)


async def _served(
    gateway: Gateway,
    app: ASGIApp,
    sock: socket.socket,
    stop: asyncio.Event,
    on_start: Callable[[], None],
) -> None:
    server = Server(_config(app, GRACE_SECONDS), on_start)
    served = asyncio.create_task(server.serve([sock]))
    looking = asyncio.create_task(gateway.find_temporal())
    stopped = asyncio.create_task(stop.wait())
    try:
        with loaded_left_out():
            await asyncio.wait({served, stopped}, return_when=asyncio.FIRST_COMPLETED)
        log.info("stopping", grace_seconds=GRACE_SECONDS)
    finally:
        server.should_exit = True
        looking.cancel()
        stopped.cancel()
        await served
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                await gateway.work.drained()
                await gateway.sojourn.drain()
        except (
            TimeoutError
        ):  # what is not stored was not acknowledged, and what is not told is stored
            log.warning("some calls were not done in time")
        await gateway.close()


@asynccontextmanager
async def _shown(app: ASGIApp, sock: socket.socket | None) -> AsyncIterator[None]:
    """Serve operators while the block lasts, so that the shutdown can be watched as well."""
    if sock is None:
        yield
        return
    server = Server(_config(app, OPERATORS_GRACE_SECONDS), lambda: None)
    served = asyncio.create_task(server.serve([sock]))
    try:
        yield
    finally:
        server.should_exit = True
        await served


def _config(app: ASGIApp, grace_seconds: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=grace_seconds,
    )
