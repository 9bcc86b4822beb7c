"""`Backend`: everything behind the routes, and whether it answers."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import structlog
from sqlalchemy import text
from temporalio.service import RPCError

from sojourn.dispatch.client import Sojourn
from sojourn.dispatch.connection import require_search_attributes
from sojourn.domain.errors import StoreUnavailable, TemporalUnavailable
from sojourn.gateway.http.faults import AWAY, away
from sojourn.gateway.http.metrics import Metrics
from sojourn.gateway.http.work import Work

log = structlog.stdlib.get_logger("sojourn.gateway")
T = TypeVar("T")

LOOK_AGAIN_SECONDS = 0.5
READY_SECONDS = 2.0
"""Seconds after which a server that does not answer counts as absent."""


class Backend:
    """The store, Temporal and the limits that all routes share.

    Args:
        sojourn: its Temporal client may be one that has not connected yet.

    Attributes:
        looked: set once Temporal has been looked for.
    """

    def __init__(self, sojourn: Sojourn) -> None:
        self.sojourn = sojourn
        self.settings = sojourn.settings
        self.metrics = Metrics()
        self.work = Work(
            self.settings.gateway_in_work,
            self.metrics.in_work,
            self.metrics.in_line,
            self.settings.gateway_answer_seconds,
        )
        self.looked = asyncio.Event()
        self._note("no Temporal server has answered yet")
        sojourn.watch(self.metrics)

    async def done(self, sender: str, work: Coroutine[Any, Any, T]) -> T:
        """Do work in one of the places, for as long as its request may wait.

        Args:
            sender: who asks: a key's id, a webhook's name.
            work: stores something, and has runs told.

        Raises:
            Refusal: there was no place in time, or the work took too long and goes on. Either way
                the sender may send it again.
        """
        try:
            return await self.work.done(sender, work)
        except TimeoutError:
            seconds = self.settings.gateway_answer_seconds
            raise away(f"was not done within {seconds:g} s: send it again") from None

    def _note(self, missing: str | None) -> None:
        """Note why Temporal cannot be used: until it can, events are stored, and no run is told."""
        self._missing = self.sojourn.teller.missing = missing

    async def find_temporal(self) -> None:
        """Look for Temporal until it is there, and fit for our runs."""
        while (missing := await self._look_for_temporal()) is not None:
            if missing != self._missing:
                log.warning("not ready", temporal=missing)
            self._note(missing)
            self.looked.set()
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        self._note(None)
        self.looked.set()

    async def missing(self) -> dict[str, str]:
        """Return the reason for each absent part: ``store``, ``temporal``."""
        found = {"store": await self._look_for_store()}
        # until Temporal has answered once, `find_temporal` alone asks it
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
        with suppress(RPCError):  # a managed Temporal may not let us read its search attributes
            try:
                await require_search_attributes(self.sojourn.client)
            except TemporalUnavailable as error:
                return str(error)
        return None

    async def _ask_temporal(self) -> str | None:
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self.sojourn.client.service_client.check_health()
        except (RPCError, RuntimeError, TimeoutError):  # RuntimeError: the first connection failed
            return "no Temporal server answers; see TEMPORAL_ADDRESS"
        return None
