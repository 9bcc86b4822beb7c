"""Webhooks in: a signed request of a shop, or of anybody with a mapping file, becomes calls.

The signature is verified on the raw body before a byte of it is read as anything else. What a
request means says its source, one file each: `gateway.shopify`, `gateway.woocommerce`,
`gateway.inbound`.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse

from domain.errors import BadEvent, BadSignature, Unavailable
from gateway.inbound import load_sources
from gateway.shopify import Shopify
from gateway.signatures import secrets_in
from gateway.source import Call, Nothing, Request, Source
from gateway.taking import Taken
from gateway.woocommerce import WooCommerce
from settings import Settings

BODY_LIMIT = 1 << 20
"""Bytes; the largest order that a shop sends stays far below."""
BODY_SECONDS = 10.0
RETRY_AFTER = 5
"""Seconds after which to try again when the store or Temporal is away."""

Take = Callable[[Sequence[Call], str, datetime], Awaitable[Sequence[Taken]]]
"""Takes the calls of one request, given the name of their source and when they came."""

SHOPS: dict[str, Callable[[Sequence[str]], Source]] = {
    "shopify": Shopify,
    "woocommerce": WooCommerce,
}
"""A shop's name is its address, and its secret is the setting that is called so."""


@dataclass(frozen=True)
class Sources:
    """Whose webhooks are taken, by name.

    Args:
        shops: at ``/webhooks/{name}``.
        inbound: at ``/webhooks/in/{name}``.
    """

    shops: Mapping[str, Source] = field(default_factory=dict)
    inbound: Mapping[str, Source] = field(default_factory=dict)


def configured(settings: Settings, environment: Mapping[str, str] = os.environ) -> Sources:
    """The sources that this installation has secrets for.

    Raises:
        BadSetting: a mapping file or its secret is missing or wrong.
    """
    shops: dict[str, Source] = {}
    for name, make in SHOPS.items():
        if secrets := secrets_in(getattr(settings, f"{name}_secret").get_secret_value()):
            shops[name] = make(secrets)
    folder = settings.webhooks
    return Sources(shops, load_sources(folder, environment) if folder else {})


@dataclass
class _Refused(Exception):
    """How a request is answered that is not taken."""

    status: int
    path: str
    reason: str

    def answer(self) -> JSONResponse:
        headers = {"Retry-After": str(RETRY_AFTER)} if self.status == 503 else None
        return JSONResponse(
            {"success": False, "error": {"path": self.path, "reason": self.reason}},
            self.status,
            headers,
        )


def router(sources: Sources, take: Take) -> APIRouter:
    """The routes.

    Args:
        sources: whose webhooks are taken.
        take: does it.
    """
    routes = APIRouter(prefix="/webhooks", tags=["webhooks"])

    async def shop(request: HttpRequest, provider: str) -> JSONResponse:
        known = f"set SOJOURN_{provider.upper()}_SECRET" if provider in SHOPS else "see the docs"
        return await _answer(request, sources.shops.get(provider), take, known)

    async def inbound(request: HttpRequest, source: str) -> JSONResponse:
        known = "SOJOURN_WEBHOOKS has no file of that name"
        return await _answer(request, sources.inbound.get(source), take, known)

    _add(routes, "/in/{source}", inbound, "A webhook that a mapping file describes")
    _add(routes, "/{provider}", shop, "A shop's webhook")
    return routes


def _add(
    routes: APIRouter, path: str, endpoint: Callable[..., Awaitable[JSONResponse]], summary: str
) -> None:
    refusals = {
        400: "The body does not say what it should; the path names the field.",
        401: "The signature is missing or wrong.",
        404: "No such source is set up.",
        408: "The body took too long.",
        413: "The body is too large.",
        503: "The store or Temporal is away: send it again.",
    }
    routes.add_api_route(
        path,
        endpoint,
        methods=["POST"],
        summary=summary,
        response_model=None,
        responses={
            200: {"description": "Taken, or nothing that concerns us.", **_shown(success=True)},
            **{status: {"description": told, **_shown()} for status, told in refusals.items()},
        },
        openapi_extra={
            "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}}
        },
    )


def _shown(*, success: bool = False) -> dict[str, Any]:
    error = {"path": "line_items.0.price", "reason": "must be an amount like 49.90"}
    example = {"success": True} if success else {"success": False, "error": error}
    return {"content": {"application/json": {"schema": {"type": "object"}, "example": example}}}


async def _answer(
    request: HttpRequest, source: Source | None, take: Take, hint: str
) -> JSONResponse:
    try:
        if source is None:
            raise _Refused(404, "path", f"no webhooks are taken here: {hint}")
        return await _taken(request, source, take)
    except _Refused as refused:
        return refused.answer()
    except BadSignature as error:
        return _Refused(401, "signature", str(error)).answer()
    except BadEvent as error:
        return _Refused(400, error.path, error.reason).answer()
    except Unavailable as error:
        return _Refused(503, "request", str(error)).answer()


async def _taken(request: HttpRequest, source: Source, take: Take) -> JSONResponse:
    """Take what a request means. What could be taken of it is, the rest is named.

    Raises:
        BadSignature, BadEvent, Unavailable, _Refused: nothing was taken, or the sender is to send
            it again; what was taken before is not taken twice.
    """
    received_at = datetime.now(UTC)
    headers = {name.lower(): value for name, value in request.headers.items()}
    calls = source.calls(Request(headers, await _body(request), received_at))
    if isinstance(calls, Nothing):
        return JSONResponse({"success": True, "ignored": calls.reason})
    faults = [one.fault for one in await take(calls, source.name, received_at) if one.fault]
    if faults and len(faults) == len(calls):
        raise faults[0]
    refused = [{"path": fault.path, "reason": fault.reason} for fault in faults]
    return JSONResponse({"success": True, **({"refused": refused} if refused else {})})


async def _body(request: HttpRequest) -> bytes:
    """The raw body; no more of it is read than may be."""
    length = request.headers.get("content-length", "")
    too_large = _Refused(413, "body", f"is larger than {BODY_LIMIT >> 10} KB")
    if length.isdigit() and int(length[:20]) > BODY_LIMIT:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_LIMIT:
                    raise too_large
    except TimeoutError:
        raise _Refused(408, "body", f"did not arrive within {BODY_SECONDS:g} s") from None
    return bytes(body)
