"""Webhooks of the providers that carry messages: what became of a message.

The provider's file in `channels` verifies the signature on the raw body and reads the reports;
`dispatch.reports` takes them in.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from sojourn.channels.provider import Hook, Provider, SupportsWebhooks
from sojourn.channels.registry import Carriers
from sojourn.domain.errors import BadInput, BadSignature, TransientError, UnknownName
from sojourn.domain.reports import Report
from sojourn.gateway.http.faults import Refusal, away

Take = Callable[[str, Sequence[Report], datetime], Awaitable[None]]
"""Takes the reports of one request, given who sent them and when they came."""


class Outcomes:
    """Answers the providers.

    Args:
        providers: those that are chosen, by name; who sends no webhooks is not answered.
        take: takes their reports in.
        public_url: where the outside reaches the gateway: some providers sign the address that
            they called, and a proxy may have changed it since.
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
        """Take what a request tells.

        Args:
            name: the provider's.
            request: its head.
            body: raw.
            received_at: by our clock.

        Raises:
            Refusal: it is not signed as it must be, or does not say what it should.
            Unavailable: the provider is to send it again; what was taken is not taken twice.
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
        except TransientError:  # the key to verify it by cannot be had now
            raise away(f"{name} cannot be asked whether this is its own") from None
        await self._take(name, reading.reports, received_at)
        return Response(reading.answer, media_type=reading.media_type)

    def _url(self, request: Request) -> str:
        query = request.scope["query_string"].decode("latin-1")
        return f"{self._public_url}{request.scope['path']}" + (f"?{query}" if query else "")


def hint(name: str, carriers: Carriers) -> str:
    """Say how to have reports taken under this name."""
    try:
        provider = carriers.named(name)
    except UnknownName:
        return "no such shop or provider"
    settings = [f"SOJOURN_{c.upper()}_PROVIDER={name}" for c in sorted(provider.channels)]
    if not issubclass(provider, SupportsWebhooks):
        return f"{name} sends no webhooks"
    return f"set {' or '.join(settings)}"
