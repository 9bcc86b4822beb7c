"""Routes for webhooks: a signed request of a shop, or of any other system, becomes calls.

The signature is verified on the raw body before the body is read. Each source has its own file: a
module in `shops`, or a TOML file that `mapping` reads. Shops share their addresses with the
providers that carry messages, whose requests `reports` answers.
"""

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sojourn.channels.registry import Carriers
from sojourn.domain.errors import BadEvent, BadSetting, BadSignature, Unserved
from sojourn.domain.events import SHIPPED, Events
from sojourn.gateway.http.bodies import read_body
from sojourn.gateway.http.description import ErrorAnswer, ErrorDetail, Success, refusals
from sojourn.gateway.http.faults import Refusal
from sojourn.gateway.webhooks.knowing import Unread, Untold
from sojourn.gateway.webhooks.mapping.source import load_sources
from sojourn.gateway.webhooks.programs import programs
from sojourn.gateway.webhooks.refused import Refused, topic_of
from sojourn.gateway.webhooks.reports import ProviderReports, hint
from sojourn.gateway.webhooks.shops.shopify import Shopify
from sojourn.gateway.webhooks.shops.woocommerce import WooCommerce
from sojourn.gateway.webhooks.signatures import secrets_in
from sojourn.gateway.webhooks.source import Nothing, Part, SignedRequest, Source
from sojourn.settings import Settings

BODY_LIMIT = 1 << 20
"""The most bytes of a body; the largest order that a shop sends stays far below."""

MOST_NOTES = 20
"""The most parts of one body that an answer names."""

Take = Callable[[Sequence[Part], str, datetime], Awaitable[Sequence[BadEvent | None]]]
"""Takes the calls of one request, with their source's name and the moment of arrival; returns the
fault of each call that counts, or None for a call that was taken."""

SHOPS: dict[str, Callable[[Sequence[str]], Source]] = {
    "shopify": Shopify,
    "woocommerce": WooCommerce,
}
"""Kinds of shops by name, which appears in the address and in the name of the secret's setting."""


@dataclass(frozen=True)
class Sources:
    """The sources whose webhooks are taken, by name.

    Args:
        shops: at ``/webhooks/{name}``.
        inbound: at ``/webhooks/in/{name}``.
    """

    shops: Mapping[str, Source] = field(default_factory=dict)
    inbound: Mapping[str, Source] = field(default_factory=dict)

    @property
    def named(self) -> Mapping[str, Source]:
        """Every source by its own name, as the quarantine knows it."""
        return {one.name: one for one in (*self.inbound.values(), *self.shops.values())}


class WebhookAnswer(Success):
    """Taken."""

    ignored: str | None = None
    """Why it amounts to no call."""
    refused: list[ErrorDetail] | None = None
    """The calls that do not validate; the others are taken."""
    notes: list[ErrorDetail] | None = None
    """The parts that could not be read and were left out; the rest is taken."""


def configured(
    settings: Settings,
    known: Events = SHIPPED,
    environment: Mapping[str, str] = os.environ,
    own: Mapping[str, type[Any]] | None = None,
) -> Sources:
    """Build the sources that this installation has secrets for.

    Args:
        settings: hold the secrets of shops, and the folder of mapping files.
        known: the events of the project.
        environment: holds the secrets that mapping files name.
        own: classes of the project's own sources, by name.

    Returns:
        The sources by name.

    Raises:
        BadSetting: a mapping file or its secret is missing or wrong.
    """
    shops: dict[str, Source] = {}
    for name, make in SHOPS.items():
        if secrets := secrets_in(getattr(settings, f"{name}_secret").get_secret_value()):
            shops[name] = make(secrets)
    inbound: dict[str, Source] = dict(programs(own or {}, settings.sources, settings))
    if settings.webhooks:
        for name, source in load_sources(settings.webhooks, environment, known).items():
            if name in inbound:
                raise BadSetting(f"{settings.webhooks / name}.toml: a source has this name already")
            inbound[name] = source
    return Sources(shops, inbound)


def router(
    sources: Sources,
    take: Take,
    reports: ProviderReports | None = None,
    *,
    carriers: Carriers | None = None,
    refused: Refused | None = None,
    body_seconds: float = 10,
) -> APIRouter:
    """Return the routes.

    Args:
        sources: the sources whose webhooks are taken.
        take: takes their calls.
        reports: answers providers; None: there are none.
        carriers: all providers, for the hints of a 404.
        refused: notes and keeps refused requests; None: nobody does.
        body_seconds: time within which a body must arrive, in seconds.

    Returns:
        The routes under ``/webhooks``.

    Raises:
        Refusal: raised by a route for a request that is not taken.
    """
    routes = APIRouter(prefix="/webhooks", tags=["webhooks"])

    async def answer(request: Request, source: Source | None, way: str) -> JSONResponse:
        if source is None:
            raise Refusal(404, "path", f"no webhooks are taken here: {way}")
        received_at = datetime.now(UTC)
        body = await read_body(request, limit=BODY_LIMIT, seconds=body_seconds)
        signed = SignedRequest(dict(request.headers), body, received_at)
        return await _taken(signed, source, take, refused)

    async def named(request: Request, provider: str) -> Response:
        if reports is not None and provider in reports:
            received_at = datetime.now(UTC)
            body = await read_body(request, limit=BODY_LIMIT, seconds=body_seconds)
            try:
                return await reports.answer(provider, request, body, received_at)
            except Refusal as refusal:
                if refused is not None and refusal.status < 500:
                    refused.note(provider, refusal.status, refusal.path, refusal.reason)
                raise
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
                "description": "The text that the provider expects.",
            },
            404: {"model": ErrorAnswer, "description": "No such provider is set up."},
            405: {"model": ErrorAnswer, "description": "A shop's address."},
            **refusals(403, 415),
        },
    )
    routes.add_api_route("/{provider}", named, methods=["HEAD"], include_in_schema=False)
    return routes


def _hint(name: str, carriers: Carriers | None) -> str:
    """Return how to have webhooks taken under this name."""
    if name in SHOPS:
        return f"set SOJOURN_{name.upper()}_SECRET"
    return hint(name, carriers or Carriers())


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
            501: {
                "model": ErrorAnswer,
                "description": "A person has to do what it asks for: a request of privacy laws.",
            },
            **refusals(403, 415),
        },
        openapi_extra={
            "requestBody": {
                "description": "As the source sends it, signed as it signs.",
                "content": {"application/json": {"schema": {"type": "object"}}},
            }
        },
    )


async def _taken(
    signed: SignedRequest, source: Source, take: Take, refused: Refused | None
) -> JSONResponse:
    """Take the calls of a request that validate, and name the others in the answer.

    Raises:
        Refusal, BadEvent: no call was taken.
        Unavailable: the sender may send it again; a call that was taken is not taken twice.
    """

    async def note(status: int, fault: BadEvent, *, keep: bool = True) -> None:
        if refused is not None:
            refused.note(source.name, status, fault.path, fault.reason)
            if keep:
                await refused.keep(source, signed, fault)

    try:
        calls = source.calls(signed)
    except BadSignature as error:
        await note(401, BadEvent("signature", str(error)), keep=False)
        raise Refusal(401, "signature", str(error)) from None
    except Unserved as error:
        await note(501, BadEvent(topic_of(signed) or "topic", str(error)))
        raise Refusal(501, "topic", str(error)) from None
    except BadEvent as error:
        await note(400, error)
        raise
    said = _said(signed, source, refused)
    if isinstance(calls, Nothing):
        return JSONResponse({**said, "ignored": calls.reason})
    ends = await take(calls, source.name, signed.received_at)
    faults = [fault for fault in ends if fault is not None]
    none_taken = bool(faults) and len(faults) == len(ends)
    for fault in faults:  # the calls themselves are in quarantine
        untold, unread = isinstance(fault, Untold), isinstance(fault, Unread)
        await note(400 if none_taken and not untold else 200, fault, keep=untold or unread)
    if none_taken and not all(isinstance(fault, Untold) for fault in faults):
        raise faults[0]
    told = [{"path": fault.path, "reason": fault.reason} for fault in faults]
    return JSONResponse({**said, **({"refused": told} if told else {})})


def _said(signed: SignedRequest, source: Source, refused: Refused | None) -> dict[str, Any]:
    """Return the answer to a taken request, with the parts that were left out; count those."""
    if refused is not None:
        refused.count_notes(source.name, [path for path, _ in signed.notes])
    notes = [{"path": path, "reason": reason} for path, reason in signed.notes[:MOST_NOTES]]
    return {"success": True, **({"notes": notes} if notes else {})}
