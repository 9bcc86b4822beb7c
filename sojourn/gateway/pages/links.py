"""Links of messages: ``/c/{token}`` redirects to the shop, ``/o/{token}`` is a picture of one dot.

Both answer at once and ask neither the store nor Temporal. Clicks and opens are reported
afterwards, and lost if the store is away: a customer on the way to the shop does not wait for a
count.
"""

import base64
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sojourn.domain.errors import BadToken
from sojourn.domain.links import link_host, link_hosts, read_click, read_open
from sojourn.gateway.http.backend import Backend
from sojourn.gateway.http.faults import refusal
from sojourn.gateway.http.work import Work
from sojourn.gateway.pages.description import damaged_page
from sojourn.gateway.pages.pages import PRIVATE, Pages
from sojourn.gateway.pages.robots import visitor
from sojourn.gateway.pages.traces import Traces
from sojourn.settings import Opens

log = structlog.stdlib.get_logger("sojourn.gateway")

DOT = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""A transparent GIF of one pixel."""
_OF_A_URL = ":/?#[]@!$&'()*+,;=%~"
"""Characters that a URL may hold unescaped, or that begin an escape."""

Endpoint = Callable[[Request, str], Awaitable[Response]]


def router(backend: Backend, secrets: Sequence[str], pages: Pages) -> APIRouter:
    """Return the routes.

    Args:
        backend: takes clicks and opens. Its settings say which are measured, and where links may
            lead.
        secrets: any of them may have signed a token.
        pages: the pages for a customer with a damaged link.

    Returns:
        The routes ``/c/{token}`` and ``/o/{token}``.
    """
    routes = APIRouter(tags=["links"])
    settings, traces = backend.settings, Traces(backend.sojourn)
    hosts = link_hosts(settings.shop_url, settings.link_hosts)

    def damaged(request: Request) -> Response:
        accepted = request.headers.get("accept-language", "")
        return pages.answer("damaged", status=404, accepted=accepted)

    async def follow(request: Request, token: str) -> Response:
        try:
            click = read_click(secrets, token)
        except BadToken:
            return damaged(request)
        # the host belonged to the shop when the link was signed, and may not today
        if link_host(click.url) not in hosts:
            return damaged(request)
        if settings.track_clicks:
            at, by = datetime.now(UTC), visitor(request, settings.gateway_proxies)
            _afterwards(backend.work, "click", lambda: traces.clicked(click, at, by))
        return Response(
            status_code=302, headers={**PRIVATE, "Location": quote(click.url, safe=_OF_A_URL)}
        )

    async def dot(request: Request, token: str) -> Response:
        try:
            opened = read_open(secrets, token)
        except BadToken:
            return damaged(request)
        if settings.track_opens is not Opens.OFF:
            at, by = datetime.now(UTC), visitor(request, settings.gateway_proxies)
            _afterwards(
                backend.work, "open", lambda: traces.opened(opened, at, by, settings.track_opens)
            )
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


def _afterwards(work: Work, what: str, told: Callable[[], Awaitable[None]]) -> None:
    """Report a click or an open once the request is answered; log one that is lost."""

    async def tell() -> None:
        try:
            await told()
        except Exception as error:  # nobody waits for the task, so nobody else would log it
            if refusal(error) is None:
                log.exception("lost", what=what)
            else:
                log.warning("lost", what=what, reason=type(error).__name__)

    if not work.afterwards(tell()):
        log.warning("lost", what=what, reason="too many at once")
