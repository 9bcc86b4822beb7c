"""A small HTTP server on loopback that can also close a connection without an answer."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HOST = "127.0.0.1"
TRANSPORT = "sojourn.transport"


class Dropped(Response):
    """No answer: the connection is closed."""

    def __init__(self, request: Request) -> None:
        super().__init__()
        self._transport: asyncio.Transport = request.scope["extensions"][TRANSPORT]["it"]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Close the connection.

        Args:
            scope: the ASGI scope.
            receive: the ASGI function to receive.
            send: the ASGI function to send.
        """
        self._transport.abort()


class _Protocol(HttpToolsProtocol):
    """uvicorn's protocol, which also gives an application its connection."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: {"it": self.transport}}


@asynccontextmanager
async def answering(application: Starlette, sock: socket.socket) -> AsyncIterator[None]:
    """Serve an application on a socket for as long as the block lasts.

    Args:
        application: answers the requests.
        sock: a listening socket, which is closed afterwards.
    """
    config = uvicorn.Config(
        application,
        log_level="critical",
        access_log=False,
        http=_Protocol,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    # not `Server.serve`: it polls ten times a second until its end, and a test run has many servers
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[sock])
    try:
        yield
    finally:
        for listening in server.servers:
            listening.close()
        for connection in list(server.server_state.connections):
            connection.shutdown()
        if server.server_state.tasks:
            await asyncio.wait(server.server_state.tasks, timeout=1)
        sock.close()
