"""Webhooks in: a signed request of a shop, or of anybody with a mapping file, becomes calls.

The signature is verified on the raw body before a byte of it is read as anything else. What a
request means says its source, one file each: `gateway.shopify`, `gateway.woocommerce`,
`gateway.inbound`. Shops share their addresses with providers, whose requests `gateway.outcomes`
answers.
"""

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sojourn.channels.registry import Carriers
from sojourn.domain.errors import BadSignature
from sojourn.domain.events import SHIPPED, Events
from sojourn.gateway.http.bodies import read_body
from sojourn.gateway.http.core import Gateway
from sojourn.gateway.http.description import ErrorAnswer, ErrorDetail, Success, refusals
from sojourn.gateway.http.faults import Refusal
from sojourn.gateway.tracking.keyring import Key
from sojourn.gateway.tracking.taking import Taken
from sojourn.gateway.webhooks.inbound import load_sources
from sojourn.gateway.webhooks.reports import Outcomes, hint
from sojourn.gateway.webhooks.shopify import Shopify
from sojourn.gateway.webhooks.signatures import secrets_in
from sojourn.gateway.webhooks.source import Call, Nothing, SignedRequest, Source
from sojourn.gateway.webhooks.woocommerce import WooCommerce
from sojourn.settings import Settings

BODY_LIMIT = 1 << 20
"""Bytes; the largest order that a shop sends stays far below."""

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


class WebhookAnswer(Success):
    """Taken."""

    ignored: str | None = None
    """Why it means nothing to us."""
    refused: list[ErrorDetail] | None = None
    """What of it does not validate; the rest is taken."""


def configured(
    settings: Settings, known: Events = SHIPPED, environment: Mapping[str, str] = os.environ
) -> Sources:
    """The sources that this installation has secrets for.

    Raises:
        BadSetting: a mapping file or its secret is missing or wrong.
    """
    shops: dict[str, Source] = {}
    for name, make in SHOPS.items():
        if secrets := secrets_in(getattr(settings, f"{name}_secret").get_secret_value()):
            shops[name] = make(secrets)
    folder = settings.webhooks
    return Sources(shops, load_sources(folder, environment, known) if folder else {})


def of_gateway(gateway: Gateway, environment: Mapping[str, str] = os.environ) -> APIRouter:
    """The routes of a gateway, as its settings say.

    Raises:
        BadSetting: as `configured`.
    """

    async def take(calls: Sequence[Call], source: str, received_at: datetime) -> list[Taken]:
        key = Key(source, events=None, rate=None)
        return await gateway.take(calls, key=key, received_at=received_at)

    settings = gateway.settings
    return router(
        configured(settings, gateway.sojourn.project.events, environment),
        take,
        Outcomes(gateway.providers, gateway.report, settings.public_url),
        carriers=gateway.sojourn.project.carriers,
        body_seconds=settings.gateway_body_seconds,
    )


def router(
    sources: Sources,
    take: Take,
    outcomes: Outcomes | None = None,
    *,
    carriers: Carriers | None = None,
    body_seconds: float = 10,
) -> APIRouter:
    """The routes.

    Args:
        sources: whose webhooks are taken.
        take: does it.
        outcomes: answers providers; None: there are none.
        carriers: the providers that there are, for the hints of a 404.
        body_seconds: how long a body may take to arrive.
    """
    routes = APIRouter(prefix="/webhooks", tags=["webhooks"])

    async def answer(request: Request, source: Source | None, way: str) -> JSONResponse:
        if source is None:
            raise Refusal(404, "path", f"no webhooks are taken here: {way}")
        received_at = datetime.now(UTC)
        body = await read_body(request, limit=BODY_LIMIT, seconds=body_seconds)
        return await _taken(SignedRequest(dict(request.headers), body, received_at), source, take)

    async def named(request: Request, provider: str) -> Response:
        if outcomes is not None and provider in outcomes:
            received_at = datetime.now(UTC)
            body = await read_body(request, limit=BODY_LIMIT, seconds=body_seconds)
            return await outcomes.answer(provider, request, body, received_at)
        if provider in sources.shops and request.method != "POST":
            raise HTTPException(405, headers={"Allow": "POST"})
        return await answer(request, sources.shops.get(provider), _hint(provider, carriers))

    async def inbound(request: Request, source: str) -> JSONResponse:
        way = "SOJOURN_WEBHOOKS has no file of that name"
        return await answer(request, sources.inbound.get(source), way)

    _add(routes, "/in/{source}", inbound, "A webhook that a mapping file describes")
    _add(routes, "/{provider}", named, "A shop's webhook, or a provider's report")
    routes.add_api_route(
        "/{provider}",
        named,
        methods=["GET"],
        summary="A provider tries its webhook's address",
        response_model=None,
        responses={
            200: {
                "content": {"text/plain": {}},
                "description": "What the provider wants to hear.",
            },
            404: {"model": ErrorAnswer, "description": "No such provider is set up."},
            405: {"model": ErrorAnswer, "description": "A shop's address."},
            **refusals(403, 415),
        },
    )
    routes.add_api_route("/{provider}", named, methods=["HEAD"], include_in_schema=False)
    return routes


def _hint(name: str, carriers: Carriers | None) -> str:
    """Say how to have webhooks taken under this name."""
    return (
        f"set SOJOURN_{name.upper()}_SECRET"
        if name in SHOPS
        else hint(name, carriers or Carriers())
    )


def _add(
    routes: APIRouter, path: str, endpoint: Callable[..., Awaitable[Response]], summary: str
) -> None:
    routes.add_api_route(
        path,
        endpoint,
        methods=["POST"],
        summary=summary,
        response_model=None,
        responses={
            200: {"model": WebhookAnswer, "description": "Taken, or nothing that concerns us."},
            404: {"model": ErrorAnswer, "description": "No such source is set up."},
            **refusals(403, 415),
        },
        openapi_extra={
            "requestBody": {
                "description": "As the source sends it, signed as it signs.",
                "content": {"application/json": {"schema": {"type": "object"}}},
            }
        },
    )


async def _taken(signed: SignedRequest, source: Source, take: Take) -> JSONResponse:
    """Take what a request means. What could be taken of it is, the rest is named.

    Raises:
        Refusal, BadEvent: nothing was taken.
        Unavailable: the sender is to send it again; what was taken before is not taken twice.
    """
    try:
        calls = source.calls(signed)
    except BadSignature as error:
        raise Refusal(401, "signature", str(error)) from None
    if isinstance(calls, Nothing):
        return JSONResponse({"success": True, "ignored": calls.reason})
    taken = await take(calls, source.name, signed.received_at)
    faults = [one.fault for one in taken if one.fault is not None]
    if faults and len(faults) == len(calls):
        raise faults[0]
    refused = [{"path": fault.path, "reason": fault.reason} for fault in faults]
    return JSONResponse({"success": True, **({"refused": refused} if refused else {})})
