"""Routes for operators: the process lives, it can work, and how it is doing."""

from functools import cache

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sojourn.gateway.http.backend import Backend
from sojourn.gateway.http.description import Health, Readiness
from sojourn.gateway.http.metrics import CONTENT_TYPE


@cache  # the routes hold no gateway: they find theirs in the application that serves them
def router() -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["operations"])
    routes.add_api_route(
        "/healthz", _healthz, summary="The process lives", operation_id="healthz",
        response_model=None, responses={200: {"model": Health}},
    )  # fmt: skip
    routes.add_api_route(
        "/readyz", _readyz, summary="Store and Temporal are seen", operation_id="readyz",
        response_model=None,
        responses={200: {"model": Readiness}, 503: {"model": Readiness}},
    )  # fmt: skip
    routes.add_api_route(
        "/metrics", _metrics, summary="Numbers for Prometheus", operation_id="metrics",
        response_class=Response, responses={200: {"content": {"text/plain": {}}}},
    )  # fmt: skip
    return routes


async def _healthz() -> JSONResponse:
    return JSONResponse({"status": "ok"})


async def _readyz(request: Request) -> JSONResponse:
    backend: Backend = request.app.state.backend
    missing = await backend.missing()
    if missing:
        return JSONResponse({"status": "not ready", "missing": missing}, 503)
    return JSONResponse({"status": "ready", "missing": {}})


async def _metrics(request: Request) -> Response:
    backend: Backend = request.app.state.backend
    return Response(backend.metrics.text(), headers={"content-type": CONTENT_TYPE})
