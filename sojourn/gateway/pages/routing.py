"""The routes of a page with a form: a GET that changes nothing, and the POST of its buttons."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from sojourn.gateway.http.description import refusals
from sojourn.gateway.pages.description import damaged_page

Endpoint = Callable[..., Awaitable[Response]]
PAGE: Mapping[str, Any] = {"content": {"text/html": {}}}


@dataclass(frozen=True)
class Described:
    """The description of such a page in the OpenAPI document.

    Args:
        page: the title of the page.
        deed: the effect of its buttons, as an imperative.
        done: the answer to a press of a button.
        form: the body of the POST.
        answer: the contents of the POST's answers; a page by default.
        also: further answers of both routes, by status.
        away: the GET answers 503 while the store is away.
    """

    page: str
    deed: str
    done: str
    form: Mapping[str, Any]
    answer: Mapping[str, Any] = field(default_factory=lambda: PAGE)
    also: Mapping[int | str, dict[str, Any]] = field(default_factory=dict)
    away: bool = True


def form_routes(path: str, show: Endpoint, take: Endpoint, described: Described) -> APIRouter:
    """Return the routes of a page with a form.

    Args:
        path: the route, with a ``{token}``.
        show: answers GET and HEAD.
        take: answers POST.
        described: for the OpenAPI document.

    Returns:
        The three routes.
    """
    routes = APIRouter(tags=["links"])
    away = refusals()[503]
    shared = {**described.also, **damaged_page()}
    routes.add_api_route(
        path, show, summary=described.page,
        response_model=None, response_class=Response,
        responses={
            200: {"description": "It changes nothing.", **PAGE},
            429: refusals()[429],
            **({503: {**away, **PAGE}} if described.away else {}),
            **shared,
        },
    )  # fmt: skip
    routes.add_api_route(path, show, methods=["HEAD"], include_in_schema=False)
    routes.add_api_route(
        path, take, methods=["POST"], summary=described.deed,
        response_model=None, response_class=Response,
        responses={
            **refusals(401, 403),
            200: {"description": described.done, **described.answer},
            503: {**away, **described.answer},
            **shared,
        },
        openapi_extra=dict(described.form),
    )  # fmt: skip
    return routes
