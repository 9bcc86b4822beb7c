"""`Engine`: what a journey's test asks of the engine on which its runs live."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Protocol

from temporalio.client import Client, WorkflowHistory

from sojourn.dispatch.outcomes import Ended
from sojourn.dispatch.telling import Tells
from sojourn.store.tables import RunRow


class Engine(Protocol):
    """An engine with a clock that the test moves.

    Attributes:
        client: Temporal's; the one of an engine without a server is connected to nothing.
        teller: tells runs of events.
        has_server: the client is connected.
    """

    client: Client
    teller: Tells
    has_server: bool

    async def now(self) -> datetime:
        """Return the engine's clock, in UTC."""
        ...

    async def begins(self, clock: timedelta) -> None:
        """Learn the journeys' clock minus the engine's, before the first event."""
        ...

    async def advance(self, duration: timedelta) -> None:
        """Let time pass.

        Raises:
            Unavailable: the clock stands still; the message says why.
        """
        ...

    async def rest(self, workflow_ids: Iterable[str]) -> None:
        """Wait until these runs are at rest.

        Raises:
            Unavailable: a run is busy for too long; the message says why.
        """
        ...

    async def ends(self, run: RunRow) -> list[Ended]:
        """Return the enrolments of a run, oldest first.

        Raises:
            Unavailable: the engine does not answer.
        """
        ...

    async def stop(self, workflow_id: str, reason: str) -> None:
        """Stop a run, as an operator does."""
        ...

    async def terminate(self, workflow_ids: Iterable[str]) -> None:
        """End runs for good, so that they disturb no other test."""
        ...

    async def status(self, workflow_id: str) -> dict[str, Any]:
        """Return the status that a run reports."""
        ...

    async def histories(self, runs: Iterable[RunRow]) -> list[WorkflowHistory]:
        """Return the histories of runs, oldest first.

        Raises:
            BadInput: the engine keeps none.
        """
        ...
