"""One process that serves: uvicorn on a socket, until it is told to stop."""

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
import uvicorn

from sojourn.dispatch.client import Sojourn
from sojourn.dispatch.connection import connect
from sojourn.gateway.app import make_app
from sojourn.gateway.gateway import Gateway
from sojourn.gateway.http.protocol import Protocol
from sojourn.settings import Settings
from sojourn.store import Store

log = structlog.stdlib.get_logger("sojourn.gateway")

GRACE_SECONDS = 30
"""Seconds in which requests that have begun are finished."""
KEEP_ALIVE_SECONDS = 75
"""Seconds, longer than SDKs and proxies keep an idle connection: they must close it first."""


class Server(uvicorn.Server):
    """uvicorn without its signal handlers.

    Args:
        config: of uvicorn.
        on_start: called once it answers.
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
        """Leave signals to the command: uvicorn would end the process by them afterwards."""
        yield


async def serve(
    settings: Settings,
    sock: socket.socket,
    stop: asyncio.Event,
    *,
    processes: int = 1,
    on_start: Callable[[], None] = lambda: None,
) -> None:
    """Serve on a socket until ``stop``; then finish the requests that have begun.

    Temporal may come later; until then events are stored, and no run is told.

    Args:
        settings: of this installation.
        sock: bound.
        stop: when to end.
        processes: that serve on the same socket.
        on_start: called once it answers.

    Raises:
        BadSetting: a setting makes no sense.
        StoreUnavailable: the database cannot be opened, or is of another version.
    """
    store = await Store.open(settings.store_url, pool_size=settings.database_connections)
    try:
        client = await connect(settings, lazy=True)
        gateway = Gateway(Sojourn(client, store, settings), processes=processes)
        await serve_gateway(gateway, sock, stop, on_start=on_start)
    finally:
        await store.close()


async def serve_gateway(
    gateway: Gateway,
    sock: socket.socket,
    stop: asyncio.Event,
    *,
    on_start: Callable[[], None] = lambda: None,
) -> None:
    """Serve as `serve` does, with parts that are open already.

    Args:
        gateway: answers.
        sock: bound.
        stop: when to end.
        on_start: called once it answers.
    """
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    server = Server(
        uvicorn.Config(
            make_app(gateway),
            http=Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        ),
        on_start,
    )
    served = asyncio.create_task(server.serve([sock]))
    looking = asyncio.create_task(gateway.find_temporal())
    stopped = asyncio.create_task(stop.wait())
    try:
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
