"""Calls from web pages: browsers ask first whether a page of another origin may make them.

Only the tracking API is for pages: webhooks come from servers, and health checks from balancers.
"""

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sojourn.gateway.http.faults import Refusal

PATHS = ("/v1/", "/beacon/")
REMEMBERED_SECONDS = 24 * 60 * 60
"""Seconds for which a browser may remember an answer; browsers have shorter limits themselves."""


class Origins:
    """Answers to browsers, in front of an application.

    It is the outermost layer, so that a page can read why it was refused. A preflight request is
    answered here, and so appears neither in the log nor in the metrics.

    Args:
        app: takes the calls.
        origins: the origins of the pages that may call; ``*`` for all pages.
    """

    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        self._app = app
        self._shared = _Shared(
            app,
            allow_origins=origins,
            allow_methods=["POST"],
            allow_headers=["*"],  # each SDK sends its own
            expose_headers=["Retry-After"],
            max_age=REMEMBERED_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        shared = scope["type"] == "http" and scope["path"].startswith(PATHS)
        await (self._shared if shared else self._app)(scope, receive, send)


class _Shared(CORSMiddleware):
    """Starlette's middleware, which refuses in the form of the gateway's other refusals."""

    def preflight_response(self, request_headers: Headers) -> Response:
        if self.is_allowed_origin(request_headers["origin"]):
            return super().preflight_response(request_headers)
        refused = Refusal(403, "Origin", "may not send here: see SOJOURN_GATEWAY_ORIGINS").answer()
        refused.headers["Vary"] = "Origin"
        return refused
