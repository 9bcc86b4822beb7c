"""A shop's service that decides on refunds: signed, idempotent, and at times out of order."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from sojourn.testkit.fakes.server import HOST, answering

SECRET = "whsec_" + "c2lnbmVkIGJ5IHRoZSBzaG9w" * 2
Answer = Callable[[], Awaitable[Response]]


@dataclass
class Refunds:
    """Decides once per key, and repeats the same answer.

    Attributes:
        url: its URL.
        questions: the requests on which it decided, by idempotency key.
        seen: the headers of every request, in order.
        faults: the answers before its decision, in order.
        says: the decision.
    """

    url: str = ""
    questions: dict[str, dict[str, Any]] = field(default_factory=dict)
    seen: list[dict[str, str]] = field(default_factory=list)
    faults: list[Answer] = field(default_factory=list)
    says: Any = field(default_factory=lambda: {"allowed": True, "most": "25.00"})

    async def decide(self, request: Request) -> Response:
        """Answer ``POST /refunds``; an unsigned request is refused."""
        headers, body = dict(request.headers), await request.body()
        Webhook(SECRET).verify(body, headers)
        self.seen.append(headers)
        if self.faults:
            return await self.faults.pop(0)()
        self.questions.setdefault(headers["idempotency-key"], json.loads(body))
        return self.says if isinstance(self.says, Response) else JSONResponse(self.says)

    async def elsewhere(self, _: Request) -> Response:
        """Answer ``POST /elsewhere``, where nothing must ever arrive."""
        raise AssertionError("a redirect was followed")


def fault(status: int, **headers: str) -> Answer:
    """Return an error that quotes somebody's address, as real ones do."""

    async def answer() -> Response:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        return PlainTextResponse("no luck, ada@shop.example", status, headers=told)

    return answer


async def redirect() -> Response:
    """Redirect the caller."""
    return RedirectResponse("/elsewhere", 307)


async def silence() -> Response:
    """Answer too late."""
    await asyncio.sleep(5)
    return Response(status_code=204)


@asynccontextmanager
async def refunds() -> AsyncIterator[Refunds]:
    """Run the service on loopback, on a free port, for as long as the block lasts."""
    service = Refunds()
    routes = [
        Route("/refunds", service.decide, methods=["POST"]),
        Route("/elsewhere", service.elsewhere, methods=["POST"]),
    ]
    sock = socket.create_server((HOST, 0))
    service.url = f"http://{HOST}:{sock.getsockname()[1]}/refunds"
    async with answering(Starlette(routes=routes), sock):
        yield service
