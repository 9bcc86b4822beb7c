"""What all fake providers share: they can fail in every way a provider can, and tell the truth.

A fake is a real HTTP server on loopback with its provider's addresses, credentials, answers and
signed webhooks. What it accepted it remembers, whatever it then answered: a test counts messages
here, not where we believe that we sent them.
"""

import asyncio
import itertools
import socket
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sojourn.channels.http import trusted
from sojourn.channels.provider import Hook, Parcel
from sojourn.domain.content import Content
from sojourn.domain.errors import ProviderError
from sojourn.domain.messages import Channel, MessageClass
from sojourn.domain.reports import Kind

HOST = "127.0.0.1"
RETRY_AFTER = timedelta(seconds=7)
TRANSPORT = "sojourn.transport"


class Behaviour(StrEnum):
    """What a fake does with a request that sends a message."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    """For good; a permanent error of the provider's."""
    UNAUTHORIZED = "unauthorized"
    """As if our credentials had been withdrawn."""
    RATE_LIMIT = "rate-limit"
    """429 with Retry-After; not accepted."""
    FAIL_BEFORE = "fail-before"
    """500, not accepted."""
    FAIL_AFTER = "fail-after"
    """500 although accepted."""
    HANG = "hang"
    """Accept and never answer."""
    DROP_BEFORE = "drop-before"
    """Close the connection, not accepted."""
    DROP_AFTER = "drop-after"
    """Close the connection although accepted."""


ACCEPTING = (Behaviour.ACCEPT, Behaviour.FAIL_AFTER, Behaviour.HANG, Behaviour.DROP_AFTER)
TROUBLE = tuple(b for b in Behaviour if b not in (Behaviour.ACCEPT, Behaviour.UNAUTHORIZED))
"""In which a provider can fail on any call; credentials fail on all of them."""


@dataclass(frozen=True)
class Order:
    """A message that a provider accepted.

    Args:
        id: the provider's.
        reference: ours, as it came.
        address: whom it is for.
        channel: by which.
        text: what the customer reads, of it.
        promotional: on the provider's stream for such, where it has one.
        request: the body, parsed.
        at: when.
    """

    id: str
    reference: str
    address: str
    channel: Channel
    text: str
    promotional: bool | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True)
class Refused:
    """One way to refuse for good.

    Args:
        answer: makes it.
        error: what our side must make of it.
    """

    answer: Callable[[], Response]
    error: type[ProviderError]


@dataclass(frozen=True)
class SentHook:
    """A webhook as the provider sends it."""

    body: bytes
    headers: Mapping[str, str]
    query: str = ""
    method: str = "POST"

    def received(self, url: str = "http://fake.example/webhooks/x") -> Hook:
        """As the gateway hands it to the provider's reader."""
        return Hook(
            method=self.method,
            url=url + (f"?{self.query}" if self.query else ""),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.body,
            received_at=datetime.now(UTC),
        )


class Malformed(Exception):
    """A request that the provider would not understand; the answer says why."""

    def __init__(self, answer: Response) -> None:
        self.answer = answer
        super().__init__("malformed")


class Fake(ABC):
    """A provider's server. Subclasses speak its language."""

    name: ClassVar[str]
    """The provider's, as `channels.registry` knows it."""
    channels: ClassVar[tuple[Channel, ...]]
    kinds: ClassVar[Mapping[Channel, tuple[Kind, ...]]] = {}
    """Of which reports it can send, by channel."""
    signed: ClassVar[bool] = True
    """Whether a webhook's signature covers its body; where only a password does: no."""
    dated: ClassVar[bool] = False
    """Whether a webhook's signature covers the moment, so that a replay is noticed."""
    too_old: ClassVar[timedelta] = timedelta(hours=1)
    """The age at which a dated webhook is a replay."""
    once: ClassVar[bool] = False
    """Whether a message has at most one report of a kind, which has no id of its own."""
    hard: ClassVar[frozenset[Kind]] = frozenset({Kind.BOUNCED})
    """Reports that say that the address is dead, as this fake sends them."""
    probed: ClassVar[bool] = True
    """Whether it can be asked what it thinks of our credentials without a message."""
    hook_url: ClassVar[str] = "https://sojourn.example"
    """Where our gateway is to the outside; some sign it."""

    def __init__(self) -> None:
        self.accepted: list[Order] = []
        self.asked = 0
        """Requests that were to send a message."""
        self.lines: set[int] = set()
        """Ports that requests came from: connections that were made."""
        self.script: deque[Behaviour | str] = deque()
        """What to do with the next requests, one each; a word that is no behaviour: refuse so."""
        self.choose: Callable[[], Behaviour] | None = None
        """Decides where the script is empty; None: accept."""
        self.authorized = True
        self.hooks_to: str | None = None
        """Our gateway; None: no webhooks are sent."""
        self.tells: Sequence[Kind] = ()
        """What to report of every message that is accepted, in this order."""
        self.tells_of: Callable[[Order], Sequence[Kind]] = lambda order: self.tells
        """The same, where it differs from message to message."""
        self.tells_before_answer = False
        self.tells_times = 1
        self.hook_answers: list[int] = []
        self.url = ""
        self.numbers = itertools.count(1)
        self.released = asyncio.Event()
        self._telling: set[asyncio.Task[None]] = set()

    # ---- the provider's language -----------------------------------------------------------

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """The variables with which our side reaches this fake, with credentials it accepts."""

    @abstractmethod
    def routes(self) -> list[Route]:
        """Its addresses. Those that send a message end in `self.take`."""

    @abstractmethod
    def authorizes(self, request: Request) -> bool:
        """Whether a request bears our credentials."""

    @abstractmethod
    async def order(self, request: Request) -> Order:
        """What a request asks to send, looked at as strictly as the provider does.

        Raises:
            Malformed: the provider would refuse it.
        """

    @abstractmethod
    def answer(self, order: Order) -> Response:
        """Accepted."""

    @abstractmethod
    def refusals(self) -> dict[str, Refused]:
        """Every way in which it refuses for good, by a name; the first is the usual one."""

    @abstractmethod
    def unauthorized(self) -> Response:
        """Our credentials are not good."""

    def rate_limited(self) -> Response:
        """Too fast."""
        seconds = str(int(RETRY_AFTER.total_seconds()))
        return Response("slow down", 429, {"Retry-After": seconds})

    def error(self) -> Response:
        """Something broke there."""
        return Response("<html>oops</html>", 500, media_type="text/html")

    def hook(self, order: Order, kind: Kind, event_id: str, at: datetime | None = None) -> SentHook:
        """A signed webhook.

        Args:
            order: what it is about.
            kind: what happened.
            event_id: the provider's id of it.
            at: when it is sent; None: now.
        """
        raise NotImplementedError

    def unsigned(self, hook: Hook) -> Hook:
        """A webhook without its signature; most providers sign in a header."""
        return replace(hook, headers={})

    def parcel(self, channel: Channel, ledger_key: str) -> Parcel:
        """A message that it takes."""
        addresses = {
            Channel.EMAIL: "anna@shop.example",
            Channel.SMS: "+393331234567",
            Channel.WHATSAPP: "+393331234567",
            Channel.PUSH: "device-token-1",
        }
        return Parcel(ledger_key, addresses[channel], content(channel), MessageClass.TRANSACTIONAL)

    # ---- behaviour -------------------------------------------------------------------------

    async def take(self, request: Request) -> Response:  # noqa: PLR0911 (one line each)
        """Answer a request that sends a message, as the script says."""
        self.asked += 1
        if request.client is not None:
            self.lines.add(request.client.port)
        if not self.authorized or not self.authorizes(request):
            return self.unauthorized()
        said = self.script.popleft() if self.script else self._chosen()
        if said == Behaviour.DROP_BEFORE:
            return Dropped(request)
        if said == Behaviour.UNAUTHORIZED:
            return self.unauthorized()
        if said == Behaviour.RATE_LIMIT:
            return self.rate_limited()
        if said == Behaviour.FAIL_BEFORE:
            return self.error()
        refusals = self.refusals()
        if said == Behaviour.REFUSE:
            return next(iter(refusals.values())).answer()
        if said in refusals:
            return refusals[said].answer()
        try:
            order = await self.order(request)
        except Malformed as fault:
            return fault.answer
        return await self._accept(request, order, Behaviour(said))

    async def _accept(self, request: Request, order: Order, how: Behaviour) -> Response:
        if (earlier := self.same(request, order)) is not None:
            order = earlier
        else:
            self.accepted.append(order)
            telling = asyncio.create_task(self._tell(order))
            self._telling.add(telling)
            telling.add_done_callback(self._telling.discard)
            if self.tells_before_answer:
                await asyncio.shield(telling)
        if how is Behaviour.FAIL_AFTER:
            return self.error()
        if how is Behaviour.DROP_AFTER:
            return Dropped(request)
        if how is Behaviour.HANG:
            await self.released.wait()
            return Dropped(request)
        return self.answer(order)

    def same(self, request: Request, order: Order) -> Order | None:
        """The order that this request repeats, where the provider takes an idempotency key."""
        return None

    def _chosen(self) -> Behaviour:
        return self.choose() if self.choose is not None else Behaviour.ACCEPT

    async def _tell(self, order: Order) -> None:
        for kind in self.tells_of(order):
            if kind in self.kinds.get(order.channel, ()):
                await self.tell(order, kind)

    async def tell(self, order: Order, kind: Kind) -> None:
        """Send a webhook, as often as scripted, until our gateway takes it."""
        if self.hooks_to is None:
            return
        sent = self.hook(order, kind, self.event_id())
        for _ in range(self.tells_times):
            await self.deliver(sent)

    async def deliver(self, sent: SentHook) -> None:
        """Post a webhook until it is taken: providers go on for hours."""
        url = f"{self.hooks_to}/webhooks/{self.name}" + (f"?{sent.query}" if sent.query else "")
        wait = 0.1
        async with httpx.AsyncClient(timeout=10, verify=trusted()) as http:
            while not self.released.is_set():
                try:
                    answer = await http.request(
                        sent.method, url, content=sent.body, headers=dict(sent.headers)
                    )
                except httpx.TransportError:
                    pass
                else:
                    self.hook_answers.append(answer.status_code)
                    if answer.status_code < 429:
                        return
                await asyncio.sleep(wait)
                wait = min(2 * wait, 2.0)

    async def told(self) -> None:
        """Wait until every webhook that is due has been sent."""
        while self._telling:
            await asyncio.gather(*self._telling)

    def event_id(self) -> str:
        """An id that no other webhook has."""
        return f"event-{next(self.numbers)}"

    def order_id(self) -> str:
        """An id that no other order has."""
        return f"order-{next(self.numbers)}"

    def find(self, reference: str) -> Order | None:
        """What was accepted under this reference first."""
        return next((order for order in self.accepted if order.reference == reference), None)

    @property
    def application(self) -> Starlette:
        """Its server."""
        listing = Route("/_accepted", self._listing)
        return Starlette(routes=[*self.routes(), listing])

    async def _listing(self, request: Request) -> Response:
        orders = [(o.id, o.reference, o.address, o.channel, o.text) for o in self.accepted]
        return JSONResponse(orders)


class Dropped(Response):
    """No answer: the connection is closed."""

    def __init__(self, request: Request) -> None:
        super().__init__()
        self._transport: asyncio.Transport = request.scope["extensions"][TRANSPORT]["it"]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Close it."""
        self._transport.abort()


class _Protocol(HttpToolsProtocol):
    """Lets an application at its connection."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: {"it": self.transport}}


@asynccontextmanager
async def serving(fake: Fake, port: int = 0) -> AsyncIterator[Fake]:
    """A fake that answers, for as long as the block lasts.

    Args:
        fake: which.
        port: of loopback; 0: any.
    """
    sock = socket.create_server((HOST, port))
    fake.url = f"http://{HOST}:{sock.getsockname()[1]}"
    async with answering(fake.application, sock):
        try:
            yield fake
        finally:
            fake.released.set()


@asynccontextmanager
async def answering(application: Starlette, sock: socket.socket) -> AsyncIterator[None]:
    """An application that answers on a socket, for as long as the block lasts.

    Args:
        application: which.
        sock: listening; it is closed afterwards.
    """
    config = uvicorn.Config(
        application,
        log_level="critical",
        access_log=False,
        http=_Protocol,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    # not `serve`: it looks ten times a second whether it is to end, and there are many of these
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


def content(channel: Channel) -> Content:
    """Something to say by each channel."""
    match channel:
        case Channel.EMAIL:
            return Content(
                channel=channel,
                template="abandoned-cart/reminder.email.en",
                locale="en",
                subject="Caffè, Anna? Żółty kubek is waiting",
                html="<p>Your cart is <b>as you left it</b>.</p>",
                text="Your cart is as you left it.\n",
                headers={
                    "List-Unsubscribe": "<https://shop.example/u/t>",
                    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
                },
            )
        case Channel.PUSH:
            return Content(
                channel=channel,
                template="abandoned-cart/nudge.push.en",
                locale="en",
                title="Your cart is waiting",
                body="Żółty kubek is still there",
                url="https://shop.example/cart",
                image="https://shop.example/cup.png",
                collapse_key="cart",
            )
        case _:
            return Content(
                channel=channel,
                template=f"abandoned-cart/nudge.{channel}.en",
                locale="en",
                text="Your cart is waiting: https://shop.example/cart",
                segments=1,
            )
