"""`Gateway`: what the routes share."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

import structlog
from sqlalchemy import text
from temporalio.service import RPCError

from sojourn.channels.provider import Provider
from sojourn.dispatch import reports
from sojourn.dispatch.client import Sojourn
from sojourn.dispatch.connection import require_search_attributes
from sojourn.domain.errors import StoreUnavailable, TemporalUnavailable
from sojourn.domain.reports import Report
from sojourn.gateway.http.bodies import CALL_LIMIT
from sojourn.gateway.http.faults import AWAY, away
from sojourn.gateway.http.metrics import Metrics
from sojourn.gateway.http.work import Work
from sojourn.gateway.tracking.keyring import Key, Keyring
from sojourn.gateway.tracking.taking import Outcome, Taken, take_calls

log = structlog.stdlib.get_logger("sojourn.gateway")
T = TypeVar("T")

LOOK_AGAIN_SECONDS = 0.5
READY_SECONDS = 2.0
AT_ONCE = 32
"""Reports of one webhook that are taken at the same time."""


class Gateway:
    """Takes calls for whoever holds a key, and reports of the providers that are chosen.

    Args:
        sojourn: its client may be one that has not connected yet.
        processes: that share the load.

    Raises:
        BadSetting: no such provider, or it lacks its credentials.
    """

    def __init__(self, sojourn: Sojourn, *, processes: int = 1) -> None:
        self.sojourn = sojourn
        self.settings = sojourn.settings
        self.metrics = Metrics()
        self.work = Work(self.settings.gateway_in_work, self.metrics.in_work)
        self.keyring = Keyring(sojourn.store, processes=processes)
        self.providers: Mapping[str, Provider] = {
            provider.name: provider
            for provider in sojourn.project.carriers.chosen(self.settings).values()
        }
        self._missing: str | None = "no Temporal server has answered yet"

    async def close(self) -> None:
        """Give the providers' connections back."""
        for provider in self.providers.values():
            await provider.close()

    async def take(
        self,
        calls: Sequence[Any],
        *,
        key: Key,
        received_at: datetime,
        sent_at: datetime | None = None,
        ask: bool = False,
    ) -> list[Taken]:
        """Take calls in, as `gateway.taking.take_calls`.

        Raises:
            Refusal: the key sends too much, or it took too long: try again.
            StoreUnavailable, TemporalUnavailable: as there.
        """
        self.keyring.charge(key, len(calls))
        work = take_calls(
            self.sojourn,
            calls,
            source=key.id,
            received_at=received_at,
            sent_at=sent_at,
            allowed=key.events,
            largest=CALL_LIMIT,
            ask=ask,
        )
        taken = await self._done(work)
        for one in taken:
            self.metrics.count_call(one.type, one.outcome)
            if one.outcome is Outcome.QUARANTINED and one.fault is not None:
                self.metrics.count_quarantined(one.event, one.fault.path, one.fault.reason)
        return taken

    async def report(self, provider: str, told: Sequence[Report], received_at: datetime) -> None:
        """Take in what a provider tells of messages.

        Raises:
            Refusal: it took too long: try again.
            StoreUnavailable, TemporalUnavailable: all of it may be sent again.
        """
        if not told:
            return
        free = asyncio.Semaphore(AT_ONCE)

        async def take(report: Report) -> None:
            async with free:
                found = await reports.take(self.sojourn, provider, report, received_at)
            self.metrics.count_report(provider, report.kind, matched=found is not None)

        async def take_all() -> None:
            # what has begun is finished, whatever becomes of the others
            answers = await asyncio.gather(*map(take, told), return_exceptions=True)
            for answer in answers:
                if answer is not None:
                    raise answer

        await self._done(take_all())

    async def _done(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of work for which Temporal must be there, and which must not take long."""
        if self._missing is not None:
            work.close()
            raise TemporalUnavailable(self._missing)
        seconds = self.settings.gateway_answer_seconds
        try:
            return await self.work.within(seconds, work)
        except TimeoutError:
            raise away(f"was not done within {seconds:g} s: send it again") from None

    async def find_temporal(self) -> None:
        """Look for Temporal until it is there, and fit for our runs."""
        while (missing := await self._look_for_temporal()) is not None:
            if missing != self._missing:
                log.warning("not ready", temporal=missing)
            self._missing = missing
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        self._missing = None

    async def missing(self) -> dict[str, str]:
        """What must be there and is not: ``store``, ``temporal``, each with the reason."""
        found = {"store": await self._look_for_store()}
        # while it was never there, `find_temporal` is the one that asks
        found["temporal"] = self._missing or await self._ask_temporal()
        return {name: reason for name, reason in found.items() if reason is not None}

    async def _look_for_store(self) -> str | None:
        try:
            async with asyncio.timeout(READY_SECONDS), self.sojourn.store.reading() as session:
                await session.exec(text("SELECT 1 FROM write_keys LIMIT 1"))  # type: ignore[call-overload]
        except StoreUnavailable as error:
            return str(error)
        except AWAY:
            return "the database does not answer; see SOJOURN_DATABASE_URL"
        return None

    async def _look_for_temporal(self) -> str | None:
        reason = await self._ask_temporal()
        if reason is not None:
            return reason
        with suppress(RPCError):  # a managed Temporal may keep this from us
            try:
                await require_search_attributes(self.sojourn.client)
            except TemporalUnavailable as error:
                return str(error)
        return None

    async def _ask_temporal(self) -> str | None:
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self.sojourn.client.service_client.check_health()
        except (RPCError, RuntimeError, TimeoutError):  # Runtime: no first connection could be made
            return "no Temporal server answers; see TEMPORAL_ADDRESS"
        return None
