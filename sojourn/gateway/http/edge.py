"""The outermost layer: it turns away excess requests unread, and logs one line a request.

A line says who asked (the key's id), what for (the route as it is written here), and how it went.
Bodies, paths and query strings stay out of it: they may hold personal data.
"""

import time

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sojourn.gateway.http.faults import busy
from sojourn.gateway.http.metrics import Metrics
from sojourn.gateway.http.work import Work

log = structlog.stdlib.get_logger("sojourn.gateway.access")

ALWAYS = ("/healthz", "/readyz", "/metrics")
"""Paths that are answered under overload, too, and left out of the log while they go well."""
LIGHT = ("/c/", "/o/")
"""Paths that are answered under overload, too: they wait for no server, and a customer who clicks
wants to go to the shop."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Edge:
    """An application, wrapped.

    Args:
        app: answers the requests.
        work: counts those that wait for their answer.
        metrics: counts those that were answered.
    """

    def __init__(self, app: ASGIApp, work: Work, metrics: Metrics) -> None:
        self._app = app
        self._work = work
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit = _Visit(scope, receive, send)
        always = scope["path"] in ALWAYS
        counted = not always and not scope["path"].startswith(LIGHT)
        if counted and not self._work.begin():
            refused = busy("too many calls are in work")
            await refused.answer()(scope, receive, visit.send)
        else:
            try:
                await self._app(scope, visit.receive, visit.send)
            except ClientDisconnect:
                visit.status = 499  # nobody is there to read an answer
            except Exception:  # a bug of ours; the sender was told that much
                log.exception("failed", route=visit.route)
            finally:
                if counted:
                    self._work.end()
        self._note(visit, quiet=always and visit.status == 200)

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

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.began = time.perf_counter()
        self.status = 0
        self.bytes = 0
        self._receive = receive
        self._send = send

    @property
    def method(self) -> str:
        """The method; "other" for an unknown one, so that nobody can make a metric's series."""
        return self.scope["method"] if self.scope["method"] in METHODS else "other"

    @property
    def route(self) -> str:
        """The route as it is written in the code."""
        return getattr(self.scope.get("route"), "path", "none")

    async def receive(self) -> Message:
        message = await self._receive()
        self.bytes += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)
