"""Routes for operators: health, readiness, metrics, and the OpenAPI document.

They have their own port. The customers' port answers only `/healthz`, for load balancers.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from fastapi import APIRouter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sojourn.gateway.http.backend import Backend
from sojourn.gateway.http.description import Health
from sojourn.gateway.http.metrics import CONTENT_TYPE

ELSEWHERE = ("/readyz", "/metrics", "/openapi.json")
"""Paths that only the operators' port answers."""


@cache  # the route needs no gateway
def router() -> APIRouter:
    """Return the route that the customers' port has."""
    routes = APIRouter(tags=["operations"])
    routes.add_api_route(
        "/healthz", _healthz, summary="The process lives", operation_id="healthz",
        response_model=None, responses={200: {"model": Health}},
    )  # fmt: skip
    return routes


def make_operations(backend: Backend, document: Callable[[], dict[str, Any]]) -> Starlette:
    """Build the application of the operators' port.

    Args:
        backend: the backend that is reported on.
        document: returns the OpenAPI document of the customers' port.
    """

    async def readyz(request: Request) -> JSONResponse:
        missing = await backend.missing()
        if missing:
            return JSONResponse({"status": "not ready", "missing": missing}, 503)
        return JSONResponse({"status": "ready", "missing": {}})

    async def metrics(request: Request) -> Response:
        return Response(backend.metrics.text(), headers={"content-type": CONTENT_TYPE})

    async def openapi(request: Request) -> JSONResponse:
        return JSONResponse(document())

    return Starlette(
        routes=[
            Route("/healthz", _healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
            Route("/openapi.json", openapi),
        ]
    )


def hint(path: str) -> str | None:
    """Return where an operator's path is answered; None for any other path."""
    if path in ELSEWHERE:
        return "is for operators: ask for it at SOJOURN_GATEWAY_OPERATIONS_ADDRESS"
    return None


async def _healthz(request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})
