"""`Gateway`: the parts of the gateway, composed."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sojourn.channels.provider import Provider
from sojourn.dispatch.client import Sojourn
from sojourn.domain.errors import BadEvent
from sojourn.domain.reports import Report
from sojourn.gateway.http.backend import Backend
from sojourn.gateway.http.work import Work
from sojourn.gateway.tracking.keyring import Key
from sojourn.gateway.tracking.tracking import Tracking
from sojourn.gateway.webhooks.knowing import settled
from sojourn.gateway.webhooks.refused import Refused
from sojourn.gateway.webhooks.reports import take_reports
from sojourn.gateway.webhooks.source import Part
from sojourn.settings import Settings


class Gateway:
    """Takes the calls of senders that hold a key, webhooks of shops, and reports of providers.

    Args:
        sojourn: its Temporal client may be one that has not connected yet.
        processes: the number of processes that share the load.

    Raises:
        BadSetting: there is no such provider, or it lacks its credentials.
    """

    def __init__(self, sojourn: Sojourn, *, processes: int = 1) -> None:
        self.backend = Backend(sojourn)
        self.tracking = Tracking(self.backend, processes=processes)
        self.providers: Mapping[str, Provider] = {
            provider.name: provider
            for provider in sojourn.project.carriers.chosen(self.settings).values()
        }

    @property
    def sojourn(self) -> Sojourn:
        """The client that takes events."""
        return self.backend.sojourn

    @property
    def settings(self) -> Settings:
        """The settings of this installation."""
        return self.backend.settings

    @property
    def work(self) -> Work:
        """The work under way."""
        return self.backend.work

    async def find_temporal(self) -> None:
        """Look for Temporal until it is there, and fit for our runs."""
        await self.backend.find_temporal()

    @property
    def refused(self) -> Refused:
        """The handling of refused webhooks."""
        return Refused(self.sojourn.store, self.backend.metrics)

    async def take_webhook(
        self, calls: Sequence[Part], source: str, received_at: datetime
    ) -> list[BadEvent | None]:
        """Take the calls of one webhook, whose source may send any event at any rate.

        Args:
            calls: calls of the tracking API, and those that depend on the store's contents.
            source: the source's name.
            received_at: when the webhook arrived.

        Returns:
            The fault of each call; None for one that was taken.

        Raises:
            Refusal: it took too long; try again.
            StoreUnavailable, TemporalUnavailable: all of it may be sent again.
        """
        key = Key(source, events=None, rate=None)
        told = await settled(self.sojourn.store, calls)
        plain = [one for one in told if not isinstance(one, BadEvent)]
        taken = await self.tracking.take(plain, key=key, received_at=received_at, deletes=True)
        ends = iter(taken)
        return [one if isinstance(one, BadEvent) else next(ends).fault for one in told]

    async def report(self, provider: str, told: Sequence[Report], received_at: datetime) -> None:
        """Take in a provider's reports on messages, as `take_reports` does.

        Args:
            provider: the provider's name.
            told: the reports, in any order.
            received_at: when they arrived, by our clock.
        """
        await take_reports(self.backend, provider, told, received_at)

    async def close(self) -> None:
        """Close the providers' connections."""
        for provider in self.providers.values():
            await provider.close()
