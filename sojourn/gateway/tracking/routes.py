"""Segment's HTTP tracking API: https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse

from sojourn.dispatch.correcting import read_moment
from sojourn.dispatch.published import Published
from sojourn.domain.errors import BadEvent
from sojourn.gateway.http.bodies import BATCH_LIMIT, CALL_LIMIT, read_json
from sojourn.gateway.http.core import Gateway
from sojourn.gateway.http.description import (
    WAIT,
    BatchAnswer,
    RunEffect,
    SentStep,
    Success,
    TrackAnswer,
    refusals,
    request_of,
    request_of_batch,
)
from sojourn.gateway.http.values import check_values
from sojourn.gateway.tracking.keyring import Key
from sojourn.gateway.tracking.taking import TYPES

Endpoint = Callable[[Request], Awaitable[JSONResponse]]

BATCHES = ("batch", "import")
SUCCESS = {"success": True}


@cache  # of no gateway in particular, and FastAPI takes its time over their descriptions
def router() -> APIRouter:
    """The routes; each call also under its first letter, as analytics.js has it."""
    routes = APIRouter(prefix="/v1", tags=["tracking"])
    for kind in TYPES:
        request = request_of(kind)
        if kind == "track":
            _add(routes, kind, _one(kind), answer=TrackAnswer, request={**request, **WAIT})
        else:
            _add(routes, kind, _one(kind), answer=Success, request=request)
        routes.add_api_route(f"/{kind[0]}", _one(kind), methods=["POST"], include_in_schema=False)
    for name in BATCHES:
        _add(routes, name, _batch, answer=BatchAnswer, request=request_of_batch())
    routes.add_api_route("/b", _batch, methods=["POST"], include_in_schema=False)
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
            # in a batch each item has its own
            **(refusals(403) if name in BATCHES else refusals()),
        },
        openapi_extra={**request, "security": [{"writeKey": []}, {"writeKeyAsToken": []}]},
    )


def _one(kind: str) -> Endpoint:
    async def endpoint(request: Request) -> JSONResponse:
        received_at = datetime.now(UTC)
        gateway, key, call = await _opened(request, CALL_LIMIT)
        if call.setdefault("type", kind) != kind:
            raise BadEvent("type", f"must be {kind}, or left out")
        ask = kind == "track" and _asks(request)
        (taken,) = await gateway.take([call], key=key, received_at=received_at, ask=ask)
        if taken.fault is not None:
            raise taken.fault
        if not ask:
            return JSONResponse(SUCCESS)
        told = TrackAnswer(success=True, runs=_effects(taken.published))
        return JSONResponse(told.model_dump(mode="json"), headers={"Preference-Applied": "wait"})

    return endpoint


def _asks(request: Request) -> bool:
    """Whether the sender wants to know what the event does: ``?wait=1`` or ``Prefer: wait``.

    The header is RFC 7240's; the seconds that it may name are ours to choose.
    """
    given = request.query_params.get("wait")
    if given is not None and given not in ("0", "1"):
        raise BadEvent("wait", "must be 1 to wait for what the event does, or 0")
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
    gateway, key, body = await _opened(request, BATCH_LIMIT)
    calls, sent_at = body.get("batch"), body.get("sentAt")
    if not isinstance(calls, list):
        raise BadEvent("batch", "must be a list of calls")
    check_values({field: value for field, value in body.items() if field != "batch"})
    for field in ("context", "integrations"):
        if not isinstance(body.get(field), dict | None):
            raise BadEvent(field, "must be an object")
    taken = await gateway.take(
        calls,
        key=key,
        received_at=received_at,
        sent_at=None if sent_at is None else read_moment("sentAt", sent_at),
    )
    # 200 all the same: an SDK would drop or repeat the whole batch, with all that is good in it
    errors = [
        {"index": one.index, "path": one.fault.path, "reason": one.fault.reason}
        for one in taken
        if one.fault is not None
    ]
    return JSONResponse({**SUCCESS, "errors": errors} if errors else SUCCESS)


async def _opened(request: Request, limit: int) -> tuple[Gateway, Key, dict[str, Any]]:
    """The gateway, who is sending, and what, without the key."""
    gateway: Gateway = request.app.state.gateway
    key = await gateway.keyring.of_header(request.headers)
    if key is not None:
        request.state.key = key.id  # for the log, also of what is refused from here on
    body = await read_json(request, limit=limit, seconds=gateway.settings.gateway_body_seconds)
    if not isinstance(body.get("writeKey"), str | None):
        raise BadEvent("writeKey", "must be text")
    key = key or await gateway.keyring.of_body(body)
    body.pop("writeKey", None)  # it must not be stored with the call
    request.state.key = key.id
    return gateway, key, body
