"""Links of messages: ``/c/{token}`` leads on to the shop, ``/o/{token}`` is a picture of one dot.

What they measure comes second. Both answer at once and ask neither the store nor Temporal; what a
customer did is told afterwards, and lost if that cannot be.
"""

import base64
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sojourn.domain.errors import BadToken
from sojourn.domain.links import link_host, link_hosts, read_click, read_open
from sojourn.gateway.http.core import Gateway
from sojourn.gateway.http.description import damaged_page
from sojourn.gateway.http.faults import refusal
from sojourn.gateway.pages.pages import PRIVATE, Pages
from sojourn.gateway.pages.robots import is_somebody
from sojourn.gateway.pages.traces import STORED, Traces

log = structlog.stdlib.get_logger("sojourn.gateway")

DOT = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""A GIF, transparent."""
_OF_A_URL = ":/?#[]@!$&'()*+,;=%~"
"""What stands in a URL for itself, or is an escape already."""

Endpoint = Callable[[Request, str], Awaitable[Response]]


def router(gateway: Gateway, secret: str, pages: Pages) -> APIRouter:
    """The routes.

    Args:
        gateway: whose settings say what is measured, and where links may lead.
        secret: signed the tokens.
        pages: for whoever comes with half a link.
    """
    routes = APIRouter(tags=["links"])
    settings, traces = gateway.settings, Traces(gateway.sojourn)
    hosts = link_hosts(settings.shop_url, settings.link_hosts)

    def damaged(request: Request) -> Response:
        accepted = request.headers.get("accept-language", "")
        return pages.answer("damaged", status=404, accepted=accepted)

    async def follow(request: Request, token: str) -> Response:
        try:
            click = read_click(secret, token)
        except BadToken:
            return damaged(request)
        # a host that was the shop's when this was signed need not be any more
        if link_host(click.url) not in hosts:
            return damaged(request)
        if settings.track_clicks and is_somebody(request.method, request.headers):
            at = datetime.now(UTC)
            _afterwards(gateway, "click", lambda: traces.clicked(click, at))
        return Response(
            status_code=302, headers={**PRIVATE, "Location": quote(click.url, safe=_OF_A_URL)}
        )

    async def dot(request: Request, token: str) -> Response:
        try:
            opened = read_open(secret, token)
        except BadToken:
            return damaged(request)
        if settings.track_opens and is_somebody(request.method, request.headers):
            at = datetime.now(UTC)
            _afterwards(gateway, "open", lambda: traces.opened(opened, at))
        return Response(DOT, media_type="image/gif", headers=PRIVATE)

    _add(
        routes, "/c/{token}", follow, "A link of a message",
        {302: {"description": "On to where the link leads."}},
    )  # fmt: skip
    _add(
        routes, "/o/{token}", dot, "The picture that tells that a message was opened",
        {200: {"description": "One dot.", "content": {"image/gif": {}}}},
    )  # fmt: skip
    return routes


def _add(
    routes: APIRouter,
    path: str,
    endpoint: Endpoint,
    summary: str,
    answers: dict[int | str, dict[str, Any]],
) -> None:
    routes.add_api_route(
        path,
        endpoint,
        summary=summary,
        response_model=None,
        response_class=Response,
        responses={**answers, **damaged_page()},
    )
    routes.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False)


def _afterwards(gateway: Gateway, what: str, told: Callable[[], Awaitable[None]]) -> None:
    """Tell what happened once the request is answered; if it is lost, the log says so."""

    async def tell() -> None:
        try:
            await told()
        except STORED as error:
            log.info("stored, to be told later", what=what, reason=type(error).__name__)
        except Exception as error:  # nobody waits for it, so nobody else would tell
            if refusal(error) is None:
                log.exception("lost", what=what)
            else:
                log.warning("lost", what=what, reason=type(error).__name__)

    if not gateway.work.afterwards(tell()):
        log.warning("lost", what=what, reason="too many at once")
