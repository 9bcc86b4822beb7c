"""Segment's HTTP tracking API: https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse

from sojourn.dispatch.calls import TYPES
from sojourn.dispatch.published import Published
from sojourn.domain.errors import BadEvent
from sojourn.domain.notes import Note
from sojourn.domain.reading import read_moment
from sojourn.gateway.http.bodies import read_json
from sojourn.gateway.http.description import Success, refusals
from sojourn.gateway.tracking.description import (
    WAIT,
    BatchAnswer,
    CallAnswer,
    RunEffect,
    SentStep,
    TrackAnswer,
    request_of,
    request_of_batch,
)
from sojourn.gateway.tracking.keyring import Key
from sojourn.gateway.tracking.tracking import BATCH_LIMIT, CALL_LIMIT, Tracking

Endpoint = Callable[[Request], Awaitable[JSONResponse]]

BATCHES = ("batch", "import")
BEACONS = "/beacon/"
SUCCESS = {"success": True}
MAY_NOT_WAIT = Note(
    "wait",
    "this write key may not ask what an event does: `sojourn keys add NAME --wait` makes one",
)


@cache  # the routes hold no gateway, and FastAPI is slow to build their descriptions
def router() -> APIRouter:
    """Return the routes; each call has a second one, its first letter, for analytics.js."""
    routes = APIRouter(prefix="/v1", tags=["tracking"])
    for kind in TYPES:
        request = request_of(kind)
        if kind == "track":
            _add(routes, kind, _one(kind), answer=TrackAnswer, request={**request, **WAIT})
        else:
            answer = CallAnswer if kind == "identify" else Success
            _add(routes, kind, _one(kind), answer=answer, request=request)
        routes.add_api_route(f"/{kind[0]}", _one(kind), methods=["POST"], include_in_schema=False)
    for name in BATCHES:
        _add(routes, name, _batch, answer=BatchAnswer, request=request_of_batch())
    routes.add_api_route("/b", _batch, methods=["POST"], include_in_schema=False)
    return routes


@cache
def beacon() -> APIRouter:
    """Return the route for RudderStack's ``useBeacon``, since a beacon cannot set headers."""
    routes = APIRouter(prefix="/beacon/v1", tags=["tracking"])
    routes.add_api_route("/batch", _batch, methods=["POST"], include_in_schema=False)
    return routes


def _add(
    routes: APIRouter, name: str, endpoint: Endpoint, *, answer: type, request: dict[str, Any]
) -> None:
    routes.add_api_route(
        f"/{name}",
        endpoint,
        methods=["POST"],
        operation_id=name,
        summary=name,
        description=None,
        response_model=None,
        responses={
            200: {"model": answer, "description": "Taken."},
            # a batch is refused item by item, if the key may not send some
            **(refusals(403) if name in BATCHES else refusals()),
        },
        openapi_extra={**request, "security": [{"writeKey": []}, {"writeKeyAsToken": []}]},
    )


def _one(kind: str) -> Endpoint:
    async def endpoint(request: Request) -> JSONResponse:
        received_at = datetime.now(UTC)
        tracking, key, call = await _opened(request, CALL_LIMIT)
        call["type"] = type_of(call, kind)
        ask = kind == "track" and _asks(request)
        (taken,) = await tracking.take([call], key=key, received_at=received_at, ask=ask)
        if taken.fault is not None:
            raise taken.fault
        notes = [asdict(note) for note in taken.notes]
        if ask and not key.may_wait and "wait" in request.query_params:
            notes.append(asdict(MAY_NOT_WAIT))
        noted = {"notes": notes} if notes else {}
        if not (ask and key.may_wait):
            return JSONResponse({**SUCCESS, **noted})
        told = TrackAnswer(success=True, runs=_effects(taken.published)).model_dump(
            mode="json", exclude={"notes"}
        )
        return JSONResponse({**told, **noted}, headers={"Preference-Applied": "wait"})

    return endpoint


def type_of(call: Mapping[str, Any], kind: str) -> str:
    """Return the type of a call that came to the address of one type.

    Raises:
        BadEvent: it names another type.
    """
    if (call.get("type") or kind) != kind:
        raise BadEvent("type", f"must be {kind}, or left out")
    return kind


def _asks(request: Request) -> bool:
    """Tell whether the sender asks for the event's effect, by ``?wait=1`` or ``Prefer: wait``.

    The header is that of RFC 7240; the number of seconds that it may name is ignored.
    """
    given = request.query_params.get("wait")
    if given is not None and given not in ("0", "1"):
        raise BadEvent("wait", "must be 1 to wait for the effect of the event, or 0")
    preferred = request.headers.get("prefer", "").lower().split(",")
    return given == "1" or (
        given is None and any(p.partition("=")[0].strip() == "wait" for p in preferred)
    )


def _effects(published: Published | None) -> list[RunEffect]:
    if published is None:
        return []
    return [
        RunEffect(run=run, effect="signalled", pending=True)
        if answer is None
        else RunEffect(
            run=run,
            effect=answer.effect,
            prevented=list(answer.prevented),
            already_sent=[SentStep(step=told.step, at=told.at) for told in answer.already_sent],
        )
        for run, answer in published.effects.items()
    ]


async def _batch(request: Request) -> JSONResponse:
    received_at = datetime.now(UTC)
    tracking, key, body = await _opened(request, BATCH_LIMIT)
    calls = body.get("batch")
    if not isinstance(calls, list):
        raise BadEvent("batch", "must be a list of calls")
    taken = await tracking.take(calls, key=key, received_at=received_at, sent_at=_sent_at(body))
    # always 200: on any other status an SDK drops or repeats the good items as well
    errors = [
        {"index": one.index, "path": one.fault.path, "reason": one.fault.reason}
        for one in taken
        if one.fault is not None
    ]
    notes = [{"index": one.index, **asdict(note)} for one in taken for note in one.notes]
    told = {"errors": errors, "notes": notes}
    return JSONResponse({**SUCCESS, **{name: items for name, items in told.items() if items}})


def _sent_at(body: Mapping[str, Any]) -> datetime | None:
    """Return when a batch was sent; None if it does not say, or not in a readable way.

    Everything else beside the calls is ignored, so that no batch is lost for it.
    """
    try:
        return read_moment("sentAt", body.get("sentAt"))
    except BadEvent:
        return None


async def _opened(request: Request, limit: int) -> tuple[Tracking, Key, dict[str, Any]]:
    """Return the API, the sender's key, and the body without the key."""
    tracking: Tracking = request.app.state.tracking
    seconds = tracking.backend.settings.gateway_body_seconds
    key = await tracking.keyring.of_header(request.headers)
    if key is not None:
        request.state.key = key.id  # for the log line, even if the call is refused
    body = await read_json(request, limit=limit, seconds=seconds)
    if not isinstance(body.get("writeKey"), str | None):
        raise BadEvent("writeKey", "must be text")
    if request.url.path.startswith(BEACONS):  # elsewhere, keys in URLs would end up in logs
        body.setdefault("writeKey", request.query_params.get("writeKey"))
    key = key or await tracking.keyring.of_body(body)
    body.pop("writeKey", None)  # it must not be stored with the call
    request.state.key = key.id
    return tracking, key, body
