"""Webhooks of the providers that carry messages, which report on each message.

The provider's file in `channels` verifies the signature on the raw body and reads the reports;
`dispatch.reports` takes them in.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

import structlog
from starlette.requests import Request
from starlette.responses import Response

from sojourn.channels.provider import Hook, Provider, SupportsWebhooks
from sojourn.channels.registry import Carriers
from sojourn.dispatch import reports
from sojourn.domain.errors import BadInput, BadSignature, TransientError, UnknownName
from sojourn.domain.reports import Report
from sojourn.gateway.http.backend import Backend
from sojourn.gateway.http.faults import Refusal, away

Take = Callable[[str, Sequence[Report], datetime], Awaitable[None]]
"""Takes the reports of one request, given the provider's name and the moment of arrival."""

log = structlog.stdlib.get_logger("sojourn.gateway")

AT_ONCE = 32
"""The most reports of one webhook that are taken at the same time."""


class ProviderReports:
    """The webhooks of providers.

    Args:
        providers: the chosen providers by name; those that send no webhooks get no answer.
        take: takes in their reports.
        public_url: the gateway's address from outside. Some providers sign the address that they
            called, which a proxy may have changed since.
    """

    def __init__(self, providers: Mapping[str, Provider], take: Take, public_url: str) -> None:
        self._providers = {
            name: provider
            for name, provider in providers.items()
            if isinstance(provider, SupportsWebhooks)
        }
        self._take = take
        self._public_url = public_url.rstrip("/")

    def __contains__(self, name: str) -> bool:
        return name in self._providers

    async def answer(
        self, name: str, request: Request, body: bytes, received_at: datetime
    ) -> Response:
        """Take the reports in a request, and answer as the provider expects.

        Args:
            name: the provider's name.
            request: the request, for its head.
            body: the raw body.
            received_at: when it arrived, by our clock.

        Returns:
            The answer.

        Raises:
            Refusal: the request is not signed, or cannot be read.
            Unavailable: the provider may send it again; a report that was taken is not taken twice.
        """
        hook = Hook(
            method=request.method,
            url=self._url(request),
            headers=dict(request.headers),
            body=body,
            received_at=received_at,
        )
        try:
            reading = await self._providers[name].read(hook)
        except BadSignature as error:
            raise Refusal(401, "signature", str(error)) from None
        except BadInput as error:
            raise Refusal(400, "body", str(error)) from None
        except TransientError:  # the key for its signature cannot be fetched now
            raise away(f"{name} cannot be asked whether this is its own") from None
        await self._take(name, reading.reports, received_at)
        return Response(reading.answer, media_type=reading.media_type)

    def _url(self, request: Request) -> str:
        query = request.scope["query_string"].decode("latin-1")
        return f"{self._public_url}{request.scope['path']}" + (f"?{query}" if query else "")


async def take_reports(
    backend: Backend, provider: str, told: Sequence[Report], received_at: datetime
) -> None:
    """Take in a provider's reports on messages.

    Args:
        backend: takes the reports.
        provider: the provider's name.
        told: the reports, in any order.
        received_at: when they arrived, by our clock.

    Raises:
        Refusal: it took too long; try again.
        StoreUnavailable, TemporalUnavailable: all of it may be sent again.
    """
    if not told:
        return
    free = asyncio.Semaphore(AT_ONCE)

    async def take(report: Report) -> None:
        async with free:
            found = await reports.take(backend.sojourn, provider, report, received_at)
        twice = found is not None and found.twice
        if twice:
            log.error("a message went out twice", provider=provider, reference=report.reference)
        backend.metrics.count_report(
            provider, report.kind.value, matched=found is not None, twice=twice
        )

    async def take_all() -> None:
        # finish every report that has begun, even if another one fails
        answers = await asyncio.gather(*map(take, told), return_exceptions=True)
        for answer in answers:
            if answer is not None:
                raise answer

    await backend.done(provider, take_all())


def hint(name: str, carriers: Carriers) -> str:
    """Return how to have reports taken under this name."""
    try:
        provider = carriers.named(name)
    except UnknownName:
        return "no such shop or provider"
    settings = [f"SOJOURN_{c.upper()}_PROVIDER={name}" for c in sorted(provider.channels)]
    if not issubclass(provider, SupportsWebhooks):
        return f"{name} sends no webhooks"
    return f"set {' or '.join(settings)}"
