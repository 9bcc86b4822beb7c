"""For whoever runs it: does it live, can it work, how is it doing."""

from functools import cache

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sojourn.gateway.http.core import Gateway
from sojourn.gateway.http.description import Health, Readiness
from sojourn.gateway.http.metrics import CONTENT_TYPE


@cache  # of no gateway in particular
def router() -> APIRouter:
    """The routes."""
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
    gateway: Gateway = request.app.state.gateway
    missing = await gateway.missing()
    if missing:
        return JSONResponse({"status": "not ready", "missing": missing}, 503)
    return JSONResponse({"status": "ready", "missing": {}})


async def _metrics(request: Request) -> Response:
    gateway: Gateway = request.app.state.gateway
    return Response(gateway.metrics.text(), headers={"content-type": CONTENT_TYPE})
