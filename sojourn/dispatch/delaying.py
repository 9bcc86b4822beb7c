"""Delays of starts: whether, and for how long, Temporal is to hold a run's first task back.

The wait with which a run begins (`journeys.delaying`) can be the delay of its start. A server must
keep that delay exactly. Temporal's own do, from 1.21 on. Its time-skipping test server takes it and
hands the task out years later; unlike the others it does not say which version it is. So only a
server that names a version that is known to keep delays gets any; all others get runs that set a
timer.
"""

import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from sojourn.dispatch.routing import Start
from sojourn.domain.messages import Delayed, Enrolment
from sojourn.journeys.delaying import first_wait
from sojourn.journeys.registry import Journeys

log = logging.getLogger("sojourn.dispatch")

SINCE = (1, 21)
"""The first release of Temporal's server that delays starts."""
LEAST = timedelta(seconds=2)
"""A wait that is over sooner is no worse as a timer."""
LATER = timedelta(seconds=1)
"""Temporal is asked for this much more than the wait: its clock may be behind ours, and a run whose
first task comes before the end of its wait sets a timer for the rest."""
PROBE_TIME = timedelta(seconds=3)


@dataclass(frozen=True)
class Delay:
    """The delay of a start.

    Args:
        enrolment: of the run, which names the wait.
        lasts: the delay.
        until: when the wait is over, by Temporal's clock.
        summary: what the run waits for, as an operator reads it.
    """

    enrolment: Enrolment
    lasts: timedelta
    until: datetime
    summary: str


class Delays:
    """Finds the delays of starts.

    Args:
        client: of the server that is to keep them.
        journeys: of the project.
    """

    def __init__(self, client: Client, journeys: Journeys) -> None:
        self._client = client
        self._journeys = journeys
        self._keeps: bool | None = None

    async def of(self, target: Start, enrolment: Enrolment) -> Delay | None:
        """Return the delay with which a run is to start.

        Args:
            target: the run.
            enrolment: with which it begins.

        Returns:
            The delay; None: the run starts at once, and waits by itself if it has to.

        Raises:
            RPCError: Temporal does not answer.
        """
        wait = first_wait(self._journeys[target.journey], enrolment)
        if wait is None:
            return None
        now = datetime.now(UTC)
        until = wait.until - enrolment.clock
        if until - now < LEAST or not await self._are_kept():
            return None
        delayed = Delayed(since=now, until=until)
        return Delay(
            enrolment.model_copy(update={"delayed": delayed}),
            until - now + LATER,
            until,
            wait.summary,
        )

    async def _are_kept(self) -> bool:
        """Ask the server, once."""
        if self._keeps is None:
            version = await _version(self._client)
            self._keeps = keeps_delays(version)
            if not self._keeps:
                log.warning(
                    "no start is delayed: Temporal's server %s is not known to keep delays",
                    version or "without a version",
                )
        return self._keeps


async def _version(client: Client) -> str:
    try:
        told = await client.workflow_service.get_system_info(
            GetSystemInfoRequest(), timeout=PROBE_TIME
        )
    except RPCError as error:
        if error.status not in (RPCStatusCode.UNIMPLEMENTED, RPCStatusCode.PERMISSION_DENIED):
            raise
        return ""
    version: str = told.server_version
    return version


def keeps_delays(version: str) -> bool:
    """Tell whether a server keeps the delays of starts.

    Args:
        version: its own word: "1.32.0"; empty: it does not say.
    """
    found = re.match(r"(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) >= SINCE
