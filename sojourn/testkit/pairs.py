"""A provider connected to its fake, for the contract of providers and for other tests."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import uuid4

import pytest

from sojourn.channels.provider import Parcel, Provider, SupportsWebhooks
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind, Report
from sojourn.settings import Settings
from sojourn.testkit.fakes import Fake, serving

P = TypeVar("P", bound=Provider)
F = TypeVar("F", bound=Fake)


@dataclass
class Pair(Generic[P, F]):
    """A provider connected to its fake.

    Args:
        provider: the object under test.
        fake: the fake to which it is connected.
        channel: one of their channels.
    """

    provider: P
    fake: F
    channel: Channel

    def parcel(self, key: str = "") -> Parcel:
        """Return a message that the fake accepts.

        Args:
            key: the ledger key; empty for a new one.
        """
        return self.fake.parcel(self.channel, key or f"abandoned-cart:c1:k/{uuid4()}/1-x/x")

    @property
    def hook_url(self) -> str:
        """The URL at which the provider calls our gateway."""
        return f"{self.fake.hook_url}/webhooks/{self.fake.name}"

    async def read(self, kind: Kind, event_id: str = "event-1") -> Report:
        """Let the provider read the fake's report about the last message.

        Args:
            kind: the kind of report.
            event_id: the fake's id of the report.
        """
        provider: object = self.provider
        assert isinstance(provider, SupportsWebhooks)
        sent = self.fake.hook(self.fake.accepted[-1], kind, event_id)
        (report,) = (await provider.read(sent.received(self.hook_url))).reports
        return report


def configured(provider: Callable[[Settings], P], environment: Mapping[str, str]) -> P:
    """Create a provider in an environment.

    Args:
        provider: the class of the provider.
        environment: the variables to set while it is created; ``SOJOURN_PUBLIC_URL`` is the
            gateway's public URL.
    """
    with pytest.MonkeyPatch.context() as patched:
        for name, value in environment.items():
            patched.setenv(name, value)
        return provider(Settings())


@asynccontextmanager
async def connected(
    provider: Callable[[Settings], P],
    fake: F,
    channel: Channel | None = None,
    *,
    timeout_seconds: float = 10,
) -> AsyncIterator[Pair[P, F]]:
    """Connect a provider to its fake for as long as the block lasts.

    Args:
        provider: the provider's class.
        fake: its server, which is started.
        channel: the channel to use; None for the fake's first.
        timeout_seconds: the time that the provider waits for an answer.

    Yields:
        The connected pair.
    """
    async with serving(fake):
        environment = {
            **fake.environment(),
            f"SOJOURN_{fake.name.upper()}_TIMEOUT_SECONDS": str(timeout_seconds),
            "SOJOURN_PUBLIC_URL": fake.hook_url,
        }
        made = configured(provider, environment)
        try:
            yield Pair(made, fake, channel or fake.channels[0])
        finally:
            await made.close()
