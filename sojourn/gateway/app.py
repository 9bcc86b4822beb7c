"""The application: routes, and what is answered where there is none."""

from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp

from sojourn.domain.errors import BadEvent
from sojourn.gateway.http import operations
from sojourn.gateway.http.core import Gateway
from sojourn.gateway.http.description import SECURITY, VALUE
from sojourn.gateway.http.edge import Edge
from sojourn.gateway.http.faults import AWAY, CODES, Refusal, answer, failed
from sojourn.gateway.http.origins import Origins
from sojourn.gateway.pages import links, unsubscribe
from sojourn.gateway.pages.pages import Pages
from sojourn.gateway.tracking import routes as tracking
from sojourn.gateway.webhooks import routes as webhooks
from sojourn.settings import signing_key

VERSION = "1"


class Api(FastAPI):
    """Whose OpenAPI document names what no dependency of a route does: the write key."""

    def openapi(self) -> dict[str, Any]:
        """The document."""
        document = super().openapi()
        document["components"]["securitySchemes"] = SECURITY
        document["components"]["schemas"]["Value"] = VALUE
        return document


def make_app(gateway: Gateway) -> ASGIApp:
    """Everything that answers HTTP."""
    edge = Edge(make_api(gateway), gateway)
    origins = gateway.settings.gateway_origins
    return Origins(edge, origins) if origins else edge


def make_api(gateway: Gateway) -> FastAPI:
    """The routes alone.

    Raises:
        BadSetting: of a webhook's source, or of the key that signs links.
    """
    api = Api(
        title="Sojourn's gateway",
        version=VERSION,
        summary="Customer events in, as Segment's tracking API has them.",
        redirect_slashes=False,
    )
    api.state.gateway = gateway
    for error in (Refusal, BadEvent, *AWAY):
        api.add_exception_handler(error, answer)
    api.add_exception_handler(HTTPException, _elsewhere)
    api.add_exception_handler(Exception, failed)
    api.include_router(tracking.router())
    api.include_router(webhooks.of_gateway(gateway))
    secret, pages = signing_key(gateway.settings), Pages(gateway.settings)
    api.include_router(links.router(gateway, secret, pages))
    api.include_router(unsubscribe.router(gateway, secret, pages))
    api.include_router(operations.router())
    return api


async def _elsewhere(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code not in CODES:
        raise error
    reasons = {404: "is nothing here", 405: "is not for this method"}
    refused = Refusal(
        error.status_code, "path", reasons.get(error.status_code, "cannot be answered")
    )
    answer = refused.answer()
    answer.headers.update(error.headers or {})
    return answer
