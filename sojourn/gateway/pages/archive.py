"""``/m/{token}``: a message in the browser, as it was sent.

The page is the message's own document, without any name or address that the message itself does not
have, so a forwarded link shows what a forwarded message does. Nothing is counted: links lead
straight to the shop, and the picture that reports an open is left out. A GET changes nothing.
"""

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from sojourn.domain.errors import BadToken
from sojourn.domain.links import read_click, read_view
from sojourn.gateway.http.backend import Backend
from sojourn.gateway.pages.description import damaged_page
from sojourn.gateway.pages.pages import PRIVATE, Pages
from sojourn.insight.archive import html_of
from sojourn.rendering.tracking import with_links, without_picture

LOOK_SECONDS = 5.0
POLICY = (
    "default-src 'none'; img-src https: http: data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
)
"""The policy for a message of ours with the shop's pictures: no script runs."""


def router(backend: Backend, secrets: Sequence[str], pages: Pages) -> APIRouter:
    """Return the route.

    Args:
        backend: its store has the messages.
        secrets: any of them may have signed a token.
        pages: the pages for a damaged link, and for a message that is gone.

    Returns:
        The route ``/m/{token}``.
    """
    routes = APIRouter(tags=["links"])
    public_url = backend.settings.public_url.rstrip("/")

    def led(url: str) -> str | None:
        """Return the target of a tracked link; None for any other link."""
        start = f"{public_url}/c/"
        if not url.startswith(start):
            return None
        try:
            target = read_click(secrets, url.removeprefix(start)).url
        except BadToken:
            return None
        return target.replace("&", "&amp;").replace('"', "%22").replace("'", "%27")

    async def view(request: Request, token: str) -> Response:
        accepted = request.headers.get("accept-language", "")
        try:
            reference = read_view(secrets, token)
        except BadToken:
            return pages.answer("damaged", status=404, accepted=accepted)

        async def find() -> str | None:
            async with backend.sojourn.store.reading() as session:
                return await html_of(session, reference)

        html = await backend.work.within(LOOK_SECONDS, find())
        if html is None:
            return pages.answer("gone", status=410, accepted=accepted)
        plain = without_picture(with_links(html, led), f"{public_url}/o/")
        return HTMLResponse(plain, headers={**PRIVATE, "Content-Security-Policy": POLICY})

    routes.add_api_route(
        "/m/{token}",
        view,
        summary="A message in the browser",
        response_model=None,
        response_class=Response,
        responses={
            200: {"description": "The message.", "content": {"text/html": {}}},
            410: {"description": "It is gone: a page.", "content": {"text/html": {}}},
            **damaged_page(),
        },
    )
    routes.add_api_route("/m/{token}", view, methods=["HEAD"], include_in_schema=False)
    return routes
