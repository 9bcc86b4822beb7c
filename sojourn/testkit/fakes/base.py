"""The base of all fake providers.

A fake is a real HTTP server on loopback with its provider's endpoints, credentials, answers and
signed webhooks. It can fail in every way in which a provider can, and it records every message that
it accepted, even if it then answered with an error: tests count messages here, not on our side.
"""

import socket
from abc import abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar, TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sojourn.channels.provider import Parcel
from sojourn.domain.messages import Channel, MessageClass
from sojourn.testkit.fakes.behaviour import RETRY_AFTER, Behaviour
from sojourn.testkit.fakes.records import Malformed, Order, Refused
from sojourn.testkit.fakes.reporting import Reporting
from sojourn.testkit.fakes.samples import ADDRESSES, content
from sojourn.testkit.fakes.server import HOST, Dropped, answering


class Fake(Reporting):
    """A provider's server.

    A subclass sets `name` and `channels`, and implements the abstract methods according to the
    provider's documentation. If the provider sends webhooks, it also does what `Reporting` asks.

    A test tells the fake what to do: `script` has the treatment of the next requests, one each, and
    `choose` decides once the script is empty. Afterwards the test looks at `accepted`.
    """

    channels: ClassVar[tuple[Channel, ...]]
    """The channels that the provider carries."""
    probed: ClassVar[bool] = True
    """False if the provider cannot judge our credentials without a message."""

    def __init__(self) -> None:
        super().__init__()
        self.accepted: list[Order] = []
        """The accepted messages, oldest first."""
        self.asked = 0
        """The number of requests to send a message."""
        self.lines: set[int] = set()
        """The ports that requests came from: one for each connection."""
        self.script: deque[Behaviour | str] = deque()
        """The treatment of the next requests; it may also be a name of `refusals`."""
        self.choose: Callable[[], Behaviour] | None = None
        """Chooses the treatment if the script is empty; None to accept."""
        self.refuses: dict[str, str] = {}
        """The name of the refusal for each refused address."""
        self.authorized = True
        """False if our credentials are withdrawn."""
        self.url = ""
        """The URL of the server while it runs."""

    # ---- the provider's language -----------------------------------------------------------

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """Return the variables for our provider class: the fake's URL and credentials."""

    @abstractmethod
    def routes(self) -> list[Route]:
        """Return the provider's routes. Those that send a message call `take`."""

    @abstractmethod
    def authorizes(self, request: Request) -> bool:
        """Return whether a request has our credentials."""

    @abstractmethod
    async def order(self, request: Request) -> Order:
        """Read a request that sends a message, as strictly as the provider does.

        Raises:
            Malformed: the provider would refuse it.
        """

    async def orders(self, request: Request) -> list[Order | Response]:
        """Read a request that sends several messages; return an order or a refusal for each.

        A fake whose provider takes batches overrides this and `answer_many`.

        Raises:
            Malformed: the provider would refuse the whole request.
        """
        raise NotImplementedError

    def answer_many(self, taken: Sequence[Order | Response]) -> Response:
        """Return the answer to several messages, some of which may be refused."""
        raise NotImplementedError

    @abstractmethod
    def answer(self, order: Order) -> Response:
        """Return the answer to an accepted message."""

    @abstractmethod
    def refusals(self) -> dict[str, Refused]:
        """Return the provider's permanent refusals, the usual one first."""

    @abstractmethod
    def unauthorized(self) -> Response:
        """Return the answer to bad credentials."""

    def rate_limited(self) -> Response:
        """Return the answer to too many requests."""
        seconds = str(int(RETRY_AFTER.total_seconds()))
        return Response("slow down", 429, {"Retry-After": seconds})

    def error(self) -> Response:
        """Return the answer of a provider with an internal error."""
        return Response("<html>oops</html>", 500, media_type="text/html")

    def same(self, request: Request, order: Order) -> Order | None:
        """Return the earlier order that a request repeats.

        A fake whose provider has idempotency keys overrides this.
        """
        return None

    def same_many(
        self, request: Request, taken: Sequence[Order | Response]
    ) -> Sequence[Order | Response] | None:
        """Return the orders and refusals of the earlier request that this one repeats."""
        return None

    def parcel(self, channel: Channel, ledger_key: str) -> Parcel:
        """Return a message that this provider accepts."""
        return Parcel(ledger_key, ADDRESSES[channel], content(channel), MessageClass.TRANSACTIONAL)

    # ---- behaviour -------------------------------------------------------------------------

    async def take(self, request: Request) -> Response:
        """Answer a request that sends a message, according to the script."""
        treatment = self._treatment(request)
        if isinstance(treatment, Response):
            return treatment
        try:
            order = await self.order(request)
        except Malformed as fault:
            return fault.answer
        if (refused := self.of_address(order)) is not None:
            return refused
        if (earlier := self.same(request, order)) is not None:
            order = earlier
        else:
            await self._accept(order)
        return await self._answered(request, treatment, self.answer(order))

    async def take_many(self, request: Request) -> Response:
        """Answer a request that sends several messages, according to the script."""
        treatment = self._treatment(request)
        if isinstance(treatment, Response):
            return treatment
        try:
            given = await self.orders(request)
        except Malformed as fault:
            return fault.answer
        taken: Sequence[Order | Response] = [
            (self.of_address(one) or one) if isinstance(one, Order) else one for one in given
        ]
        if (earlier := self.same_many(request, taken)) is not None:
            taken = earlier
        else:
            for one in taken:
                if isinstance(one, Order):
                    await self._accept(one)
        return await self._answered(request, treatment, self.answer_many(taken))

    def find(self, reference: str) -> Order | None:
        """Return the first order with our reference."""
        return next((order for order in self.accepted if order.reference == reference), None)

    def order_id(self) -> str:
        """Return a unique order id."""
        return f"order-{next(self.numbers)}"

    @property
    def application(self) -> Starlette:
        """The server's application."""
        listing = Route("/_accepted", self._listing)
        return Starlette(routes=[*self.routes(), listing])

    def _treatment(self, request: Request) -> Behaviour | Response:
        """Return the treatment of a request, or the answer if it is refused."""
        self.asked += 1
        if request.client is not None:
            self.lines.add(request.client.port)
        if not self.authorized or not self.authorizes(request):
            return self.unauthorized()
        treatment = self.script.popleft() if self.script else self._chosen()
        refused = self._refusal(request, treatment)
        return Behaviour(treatment) if refused is None else refused

    def of_address(self, order: Order) -> Response | None:
        """Return the refusal of the order's address, if there is one."""
        name = self.refuses.get(order.address)
        return self.refusals()[name].answer() if name else None

    def _chosen(self) -> Behaviour:
        return self.choose() if self.choose is not None else Behaviour.ACCEPT

    def _refusal(self, request: Request, treatment: Behaviour | str) -> Response | None:
        match treatment:
            case Behaviour.DROP_BEFORE:
                return Dropped(request)
            case Behaviour.UNAUTHORIZED:
                return self.unauthorized()
            case Behaviour.RATE_LIMIT:
                return self.rate_limited()
            case Behaviour.FAIL_BEFORE:
                return self.error()
        refusals = self.refusals()
        if treatment == Behaviour.REFUSE:
            return next(iter(refusals.values())).answer()
        refused = refusals.get(treatment)
        return refused.answer() if refused else None

    async def _accept(self, order: Order) -> None:
        self.accepted.append(order)
        await self.report_on(order)

    async def _answered(self, request: Request, how: Behaviour, answer: Response) -> Response:
        match how:
            case Behaviour.FAIL_AFTER:
                return self.error()
            case Behaviour.DROP_AFTER:
                return Dropped(request)
            case Behaviour.HANG:
                await self.released.wait()
                return Dropped(request)
        return answer

    async def _listing(self, request: Request) -> Response:
        orders = [(o.id, o.reference, o.address, o.channel, o.text) for o in self.accepted]
        return JSONResponse(orders)


F = TypeVar("F", bound=Fake)


@asynccontextmanager
async def serving(fake: F, port: int = 0) -> AsyncIterator[F]:
    """Run a fake for as long as the block lasts.

    Args:
        fake: the provider's server.
        port: a port on loopback; 0 for any.
    """
    sock = socket.create_server((HOST, port))
    fake.url = f"http://{HOST}:{sock.getsockname()[1]}"
    async with answering(fake.application, sock):
        try:
            yield fake
        finally:
            fake.released.set()
