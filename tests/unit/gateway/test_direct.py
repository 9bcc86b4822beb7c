"""A route that is served directly answers as the framework would."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp

from sojourn.domain.errors import BadEvent, StoreUnavailable
from sojourn.gateway.http.direct import Direct
from sojourn.gateway.http.faults import AWAY, Refusal, answer, failed

BAD = BadEvent("event", "is missing")
FAULTS = {
    "bad": BAD,
    "refused": Refusal(413, "request", "is too large"),
    "away": StoreUnavailable("the store does not answer"),
}


async def _told(request: Request) -> JSONResponse:
    said = request.query_params.get("fault", "")
    if said in FAULTS:
        raise FAULTS[said]
    if said == "gone":
        raise ClientDisconnect
    if said:
        raise ValueError(said)
    request.state.key = "a key"
    return JSONResponse({"path": request.url.path, "told": request.app.state.told})


@pytest.fixture
def api() -> FastAPI:
    made = FastAPI()
    made.state.told = "ours"
    for error in (Refusal, BadEvent, *AWAY):
        made.add_exception_handler(error, answer)
    made.add_exception_handler(Exception, failed)
    made.include_router(_router())
    return made


def _router() -> APIRouter:
    routes = APIRouter(prefix="/v1")
    routes.add_api_route("/track", _told, methods=["POST"])
    return routes


@pytest.fixture(params=["directly", "by the framework"])
async def http(api: FastAPI, request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    """Ask the same of both ways: one answer is right for both."""
    app: ASGIApp = Direct(api, [_router()]) if request.param == "directly" else api
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


async def test_a_call_finds_the_state_of_the_application(http: httpx.AsyncClient) -> None:
    answered = await http.post("/v1/track")
    assert answered.json() == {"path": "/v1/track", "told": "ours"}


@pytest.mark.parametrize(
    ("fault", "status", "path"),
    [
        ("bad", 400, "event"),
        ("refused", 413, "request"),
        ("away", 503, "request"),
        ("a bug", 500, "request"),
    ],
)
async def test_a_fault_is_answered_with_its_status_and_path(
    http: httpx.AsyncClient, fault: str, status: int, path: str
) -> None:
    answered = await http.post("/v1/track", params={"fault": fault})
    assert (answered.status_code, answered.json()["error"]["path"]) == (status, path)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/track", 405), ("POST", "/v1/track/", 307), ("POST", "/v1/nothing", 404)],
)
async def test_everything_else_is_left_to_the_framework(
    http: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    assert (await http.request(method, path)).status_code == status


@pytest.mark.parametrize(("fault", "raised"), [("a bug", ValueError), ("gone", ClientDisconnect)])
async def test_a_bug_and_a_sender_who_has_gone_reach_the_edge(
    api: FastAPI, fault: str, raised: type[Exception]
) -> None:
    """The edge logs the one and counts the other."""
    transport = httpx.ASGITransport(Direct(api, [_router()]))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        with pytest.raises(raised):
            await client.post("/v1/track", params={"fault": fault})


async def test_a_call_names_its_route_and_key_for_the_line_of_the_log(api: FastAPI) -> None:
    seen: dict[str, object] = {}

    async def edge(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        await Direct(api, [_router()])(scope, receive, send)
        seen.update(route=scope["route"].path, key=scope["state"]["key"])

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(edge), base_url="http://gateway"
    ) as client:
        await client.post("/v1/track")
    assert seen == {"route": "/v1/track", "key": "a key"}
