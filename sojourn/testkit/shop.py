"""A fake shop: a small HTTP server with the endpoints that a project's activities call."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


@dataclass
class FakeShop:
    """Issues codes and takes tickets, each once per idempotency key.

    Attributes:
        url: its URL; the endpoints are ``{url}/codes`` and ``{url}/tickets``.
        codes: the accepted requests for codes, by their idempotency keys.
        tickets: the accepted requests for tickets, by their idempotency keys.
        failing: the number of requests to answer with 503 before one is accepted.
        asked: set once a request has arrived.
    """

    url: str = ""
    codes: dict[str, dict[str, Any]] = field(default_factory=dict)
    tickets: dict[str, dict[str, Any]] = field(default_factory=dict)
    failing: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def issue(self, request: Request) -> Response:
        """Answer ``POST /codes``."""
        number = await self._kept(request, self.codes)
        return _down() if number is None else JSONResponse({"code": f"SHOP{number:04}"})

    async def open(self, request: Request) -> Response:
        """Answer ``POST /tickets``."""
        number = await self._kept(request, self.tickets)
        return _down() if number is None else JSONResponse({"ticket": str(number)})

    async def _kept(self, request: Request, kept: dict[str, dict[str, Any]]) -> int | None:
        self.asked.set()
        if self.failing:
            self.failing -= 1
            return None
        key = request.headers["Idempotency-Key"]
        kept.setdefault(key, await request.json())
        return list(kept).index(key) + 1


@asynccontextmanager
async def fake_shop() -> AsyncIterator[FakeShop]:
    """Run a shop on loopback, on a free port, for as long as the block lasts.

    Yields:
        The shop, which records the requests that it accepts.
    """
    from sojourn.testkit.fakes.server import HOST, answering  # noqa: PLC0415 (loads uvicorn)

    shop = FakeShop()
    routes = [
        Route("/codes", shop.issue, methods=["POST"]),
        Route("/tickets", shop.open, methods=["POST"]),
    ]
    sock = socket.create_server((HOST, 0))
    shop.url = f"http://{HOST}:{sock.getsockname()[1]}"
    async with answering(Starlette(routes=routes), sock):
        yield shop


def _down() -> Response:
    return Response(status_code=503)
