"""The outermost layer: it turns away excess and slow requests, and logs one line a request.

The route, not this layer, takes a place for a request, once it knows who asks (`http.work`). This
layer refuses a request unread while so many wait that it would wait in vain. The refusal is late on
purpose: it slows a sender that comes back at once, whatever it is told.

A line of the log names the sender (the key's id), the route as the code writes it, and the outcome;
a request that was refused unread has no line. Bodies, paths and query strings stay out of the log:
they may hold personal data.
"""

import asyncio
import random
import time

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sojourn.gateway.http.faults import busy
from sojourn.gateway.http.metrics import Metrics
from sojourn.gateway.http.slow import PATIENCE_SECONDS, SlowBodies
from sojourn.gateway.http.work import Work

log = structlog.stdlib.get_logger("sojourn.gateway.access")

ALWAYS = ("/healthz",)
"""Paths that are answered even under overload, and logged only if they fail."""
LIGHT = ("/c/", "/o/")
"""Paths that are answered even under overload: they wait for no server, and a customer who clicks
wants to go to the shop."""
LATE_SECONDS = (1.0, 4.0)
"""The least and the most seconds by which a refusal is delayed."""
MOST_LATE = 2000
"""The most refusals that are delayed at one time; further ones are not delayed."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Edge:
    """The wrapper around the application.

    Args:
        app: answers the requests.
        work: knows how many requests wait for a place.
        metrics: counts the requests.
    """

    def __init__(self, app: ASGIApp, work: Work, metrics: Metrics) -> None:
        self._app = app
        self._work = work
        self._metrics = metrics
        self._slow = SlowBodies()
        self._late = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit = _Visit(scope, receive, send, self._slow)
        always, unread = scope["path"] in ALWAYS, False
        if not always:
            self._metrics.unanswered.inc()
        if self._work.overrun and not always and not scope["path"].startswith(LIGHT):
            unread = True
            await self._be_late()
            await busy("too many calls are in work").answer()(scope, receive, visit.send)
        else:
            try:
                await self._app(scope, visit.receive, visit.send)
            except ClientDisconnect:
                visit.status = 499  # nobody is there to read an answer
            except Exception:  # a bug of ours, as the sender was told
                log.exception("failed", route=visit.route)
            finally:
                visit.end()
        if not always:
            self._metrics.unanswered.dec()
        self._note(visit, quiet=unread or (always and visit.status == 200))

    async def _be_late(self) -> None:
        if self._late >= MOST_LATE:
            return
        self._late += 1
        try:
            await asyncio.sleep(random.uniform(*LATE_SECONDS))  # noqa: S311 (nothing to guess)
        finally:
            self._late -= 1

    def _note(self, visit: "_Visit", *, quiet: bool) -> None:
        seconds = time.perf_counter() - visit.began
        self._metrics.requests.labels(visit.method, visit.route, str(visit.status)).inc()
        self._metrics.seconds.labels(visit.route).observe(seconds)
        if not quiet:
            log.info(
                "request",
                method=visit.method,
                route=visit.route,
                status=visit.status,
                ms=round(seconds * 1000, 1),
                key=visit.scope.get("state", {}).get("key"),
                bytes=visit.bytes,
            )


class _Visit:
    """One request, watched from outside."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, slow: SlowBodies) -> None:
        self.scope = scope
        self.began = time.perf_counter()
        self.status = 0
        self.bytes = 0
        self._receive = receive
        self._send = send
        self._slow = slow
        self._is_slow = False
        self._has_arrived = False

    @property
    def peer(self) -> str:
        """The address of the peer."""
        client = self.scope.get("client")
        return client[0] if client else ""

    @property
    def method(self) -> str:
        """The method; "other" for an unknown one, so that nobody can create series of a metric."""
        return self.scope["method"] if self.scope["method"] in METHODS else "other"

    @property
    def route(self) -> str:
        """The route as it is written in the code."""
        return getattr(self.scope.get("route"), "path", "none")

    async def receive(self) -> Message:
        message = await (self._receive() if self._has_arrived else self._next_part())
        self.bytes += len(message.get("body", b""))
        if not message.get("more_body", False):
            self._has_arrived = True
            self.end()
        return message

    async def _next_part(self) -> Message:
        """Return the next part of the body, unless the peer has too many slow bodies.

        Raises:
            Refusal: too many of its bodies come slowly.
        """
        if not self._is_slow:
            left = PATIENCE_SECONDS - (time.perf_counter() - self.began)
            try:
                async with asyncio.timeout(left):
                    return await self._receive()
            except TimeoutError:
                self._slow.enter(self.peer)
                self._is_slow = True
        return await self._receive()

    def end(self) -> None:
        """Stop counting as slow: the body has arrived, or nobody waits for it."""
        if self._is_slow:
            self._is_slow = False
            self._slow.leave(self.peer)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)
