"""A service that is told what happens, and keeps the order."""

import json
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sojourn.domain.events import SHIPPED
from sojourn.insight.hooks import Hooks
from sojourn.insight.measuring import Measuring
from sojourn.insight.numbering import Numbering
from sojourn.settings import Settings
from sojourn.store import Store
from sojourn.testkit.fakes.server import HOST, answering

OLD, NEW = ("whsec_" + text * 4 for text in ("b2xkIHNlY3JldCEh", "bmV3IHNlY3JldCEh"))
SECOND = timedelta(seconds=1)


class Receiver:
    """A service that takes what is signed, and refuses those that it is told to refuse.

    Attributes:
        taken: what it took, with the ids, in order.
        posts: how many posts came, by customer.
        refuses: the answers that customers' calls get in place of a 204; ``*``: everybody's.
        on_post: what happens when a post arrives.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.taken: list[tuple[str, dict[str, Any]]] = []
        self.posts: Counter[str] = Counter()
        self.refuses: dict[str, int] = {}
        self.on_post: Callable[[], Awaitable[None]] | None = None
        self.url = ""
        self.now = datetime.now(UTC)

    async def take(self, request: Request) -> Response:
        """Answer ``POST /hook``."""
        body = await request.body()
        Webhook(NEW).verify(body, dict(request.headers))
        said = json.loads(body)
        customer = said["data"]["customer_id"]
        self.posts[customer] += 1
        if self.on_post:
            await self.on_post()
        refused = self.refuses.get(customer) or self.refuses.get("*")
        if refused:
            return Response(status_code=refused)
        self.taken.append((request.headers["webhook-id"], said))
        return Response(status_code=204)

    def of(self, customer_id: str) -> list[str]:
        """Return the types of what it took about a customer, in order."""
        return [
            told["type"] for _, told in self.taken if told["data"]["customer_id"] == customer_id
        ]

    def hooks(self) -> Hooks:
        """Return what a worker tells it with."""
        settings = Settings(
            webhooks_out=f"crm={self.url}",
            webhooks_out_secret=SecretStr(f"crm={NEW}, crm={OLD}"),
        )
        made = Hooks.of(self.store, settings, SHIPPED)
        assert made is not None
        return Hooks(made.store, made.addresses, made.signers, made.events, clock=lambda: self.now)

    async def tell(self, after: timedelta = SECOND) -> int:
        """Have a worker number what is new and tell it, so long after the last time."""
        self.now += after
        await Measuring(self.store).catch_up()
        await Numbering(self.store).catch_up()
        return await self.hooks().tell()


@asynccontextmanager
async def receiving(store: Store) -> AsyncIterator[Receiver]:
    """Run a receiver, which is told what happens from here on."""
    receiver = Receiver(store)
    app = Starlette(routes=[Route("/hook", receiver.take, methods=["POST"])])
    sock = socket.create_server((HOST, 0))
    receiver.url = f"http://{HOST}:{sock.getsockname()[1]}/hook"
    async with answering(app, sock):
        await receiver.tell()
        yield receiver
