"""The application: its routes, and the answer where no route matches."""

import os
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Match
from starlette.types import ASGIApp

from sojourn.domain.errors import BadEvent
from sojourn.gateway.gateway import Gateway
from sojourn.gateway.http import operations
from sojourn.gateway.http.description import VALUE
from sojourn.gateway.http.direct import Direct
from sojourn.gateway.http.edge import METHODS, Edge
from sojourn.gateway.http.faults import AWAY, CODES, Refusal, answer, failed
from sojourn.gateway.http.origins import Origins
from sojourn.gateway.http.others import hint
from sojourn.gateway.pages import archive, links, preferences, questions, unsubscribe
from sojourn.gateway.pages.appointment import Attending
from sojourn.gateway.pages.confirm import Confirming
from sojourn.gateway.pages.pages import Pages
from sojourn.gateway.pages.renew import Renewing
from sojourn.gateway.pages.survey import Surveying
from sojourn.gateway.pages.tasks import Tasks
from sojourn.gateway.tracking import routes as tracking
from sojourn.gateway.tracking.call_schemas import ending_event
from sojourn.gateway.tracking.description import SECURITY
from sojourn.gateway.webhooks import routes as webhooks
from sojourn.gateway.webhooks.reports import ProviderReports
from sojourn.settings import signing_keys

VERSION = "1"


class Api(FastAPI):
    """FastAPI, with the write key in its OpenAPI document, since no route's dependency names it."""

    def openapi(self) -> dict[str, Any]:
        """Return the document."""
        document = super().openapi()
        # it is read on the operators' port, which has none of these paths
        document["servers"] = [{"url": self.state.backend.settings.public_url}]
        document["components"]["securitySchemes"] = SECURITY
        events = self.state.backend.sojourn.project.events
        document["components"]["schemas"] |= {"Value": VALUE, "EndingEvent": ending_event(events)}
        return document


def make_app(gateway: Gateway, api: FastAPI) -> ASGIApp:
    """Build the application of the customers' port: the routes, and the layers around them."""
    direct = Direct(api, [tracking.router(), tracking.beacon()])
    edge = Edge(direct, gateway.backend.work, gateway.backend.metrics)
    origins = gateway.settings.gateway_origins
    return Origins(edge, origins) if origins else edge


def make_api(gateway: Gateway, environment: Mapping[str, str] = os.environ) -> FastAPI:
    """Build the routes alone.

    Args:
        gateway: answers the requests.
        environment: holds the secrets that mapping files name.

    Raises:
        BadSetting: a webhook's source, or the key that signs links, is set up wrongly.
    """
    settings, project = gateway.settings, gateway.sojourn.project
    api = Api(
        title="Sojourn's gateway",
        version=VERSION,
        summary="Customer events in, as Segment's tracking API has them.",
        redirect_slashes=False,
        openapi_url=None,  # and no pages that show it: they load scripts of other hosts
    )
    # routes that are shared by all gateways find their gateway's parts here
    api.state.backend, api.state.tracking = gateway.backend, gateway.tracking
    for error in (Refusal, BadEvent, *AWAY):
        api.add_exception_handler(error, answer)
    api.add_exception_handler(HTTPException, _elsewhere)
    api.add_exception_handler(Exception, failed)
    api.include_router(tracking.router())
    api.include_router(tracking.beacon())
    api.include_router(
        webhooks.router(
            webhooks.configured(settings, project.events, environment, project.sources),
            gateway.take_webhook,
            ProviderReports(gateway.providers, gateway.report, settings.public_url),
            carriers=project.carriers,
            refused=gateway.refused,
            body_seconds=settings.gateway_body_seconds,
        )
    )
    secrets = signing_keys(settings)
    pages = Pages(settings, project.templates, project.languages, project.topics)
    api.include_router(links.router(gateway.backend, secrets, pages))
    api.include_router(unsubscribe.router(gateway.backend, secrets, pages))
    attending = Attending(secrets, project.events, settings.timezone)
    renewing = Renewing(secrets, project.events, settings.timezone)
    asked = (Confirming(secrets), attending, renewing, Surveying(secrets), Tasks(secrets))
    for question in asked:
        api.include_router(questions.router(question, gateway.backend, pages))
    api.include_router(preferences.router(gateway.backend, secrets, pages))
    api.include_router(archive.router(gateway.backend, secrets, pages))
    api.include_router(operations.router())
    return api


async def _elsewhere(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code not in CODES:
        raise error
    path = request.url.path
    nothing = hint(path) or operations.hint(path) or "is nothing here"
    reasons = {404: nothing, 405: "is not for this method"}
    refused = Refusal(
        error.status_code, "path", reasons.get(error.status_code, "cannot be answered")
    )
    answer = refused.answer()
    answer.headers.update(error.headers or {})
    if error.status_code == 405:
        allowed = [method for method in sorted(METHODS) if _has(request, method)]
        if allowed and request.method not in allowed:  # otherwise the endpoint itself refuses
            answer.headers["Allow"] = ", ".join(allowed)
    return answer


def _has(request: Request, method: str) -> bool:
    """Tell whether any route here takes this method: the framework looks at one route only."""
    scope = {**request.scope, "method": method}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)
