"""`TimeTravel`: send calls to the real engine in virtual time.

The engine is the real one: Temporal's time-skipping test server, a worker in a separate process,
the store, the dispatcher. Only the clock is moved: before each call the server's clock is advanced
to the call's moment, and every timer on the way fires in order. That includes calls that no
journey receives: templates read them, and must not see later ones.

The test server's clock starts today and only moves forward, so runs have the difference between the
calls' time and the server's (`Enrolment.clock`): customers get their messages at the hours and
with the dates of the calls.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from sojourn.cli.calls import Fault
from sojourn.cli.couponing import fill
from sojourn.cli.local.stack import Stack
from sojourn.cli.virtual_clock import VirtualClock, server_time
from sojourn.dispatch import Sojourn, tasks
from sojourn.dispatch.calls import Track
from sojourn.domain.alias import Alias
from sojourn.domain.customer import Identity
from sojourn.domain.errors import BadEvent, TemporalUnavailable
from sojourn.project import Project
from sojourn.store import runs
from sojourn.store.tables import TaskRow

LONGEST = timedelta(days=3600)  # the test server ends any run at ten years
SETTLE = timedelta(milliseconds=100)
SKIPPED = timedelta(seconds=30)
"""The server's clock advances this far only by skipping, for which everything must be at rest."""
TRIES = 3

Taken = Track | Identity | Alias


@dataclass(frozen=True)
class Unknown:
    """A run or an event with an unknown outcome.

    Args:
        name: the workflow id of a run, or the message id of an event.
        reason: the reason.
    """

    name: str
    reason: str


class TimeTravel:
    """The server's clock, and that of the calls. Create it with `begin`.

    Attributes:
        stored: the number of events stored.
        repeated: the number of events stored before.
        identified: the number of identify calls taken.
        faults: identify calls that could not be taken.
        unknown: runs and events with an unknown outcome.
    """

    def __init__(self, stack: Stack, project: Project, clock: timedelta) -> None:
        self.stored = 0
        self.repeated = 0
        self.identified = 0
        self.faults: list[Fault] = []
        self.unknown: list[Unknown] = []
        self._client = stack.client
        self._store = stack.store
        self._clock = clock
        self._server = VirtualClock(stack.client, self._begun, self._set_aside)
        self._arrived: datetime = datetime.min.replace(tzinfo=UTC)
        self._busy: set[str] = set()  # customers whose runs may not have come to rest yet
        self._sojourn = Sojourn(
            stack.client,
            stack.store,
            stack.settings,
            project,
            now=lambda: self._arrived,
            clock=clock,
            present=lambda: self._arrived,
        )

    @classmethod
    async def begin(cls, stack: Stack, project: Project, at: datetime) -> Self:
        """Begin at a moment of the calls' time.

        Args:
            stack: a stack on the time-skipping server.
            project: the project with its journeys and events.
            at: the moment, not after the first call.

        Returns:
            The clocks, ready for the first call.
        """
        await fill(stack.store, project.journeys.values())
        return cls(stack, project, at - await server_time(stack.client))

    async def take(self, call: Taken) -> None:
        """Let everything happen that is due by the moment of the call, then take the call.

        Raises:
            Unavailable: a server has gone, or nothing moves and no run is to blame.
        """
        await self.advance(call.at)
        if call.customer_id in self._busy:
            await self.rest()
        self._busy.add(call.customer_id)
        self._arrived = call.at
        if isinstance(call, Identity):
            try:
                await self._sojourn.identify(call)
            except BadEvent as error:  # only the card shows how to read the only trait
                reason = f"identify of {call.customer_id}: {error}"
                self.faults.append(Fault(0, reason, is_event=False))
                return
            self.identified += 1
        elif isinstance(call, Alias):
            await self._sojourn.alias(call)
        else:
            await self._publish(call)

    async def answer(self, number: int, name: str, at: datetime) -> TaskRow:
        """Let everything happen that is due by a moment, then answer a task, if it is still open.

        Args:
            number: the number of the task.
            name: the name of the answer.
            at: the moment, in the calls' time.

        Returns:
            The task.

        Raises:
                Unavailable: a server has gone, or nothing moves and no run is to blame.
        """
        await self.advance(at)
        await self.rest()
        row, _ = await tasks.answer(self._store, number, name, by="a rehearsal", at=at)
        await self._sojourn.route(row.customer_id)
        return row

    async def _publish(self, call: Track) -> None:
        """Publish an event; try again if its runs could not be told, since it is stored anyway."""
        stored = False
        for left in reversed(range(TRIES)):
            try:
                published = await call.into(self._sojourn)
            except TemporalUnavailable as error:
                stored = True
                if not left:
                    who = f"{call.event.message_id} of {call.event.customer_id}"
                    self.unknown.append(Unknown(who, str(error)))
            else:
                stored = stored or published.stored
                break
        self.stored += stored
        self.repeated += not stored

    def _set_aside(self, run: str, why: str) -> None:
        self.unknown.append(Unknown(run, why))

    async def finish(self, progress: Callable[[int, int], None]) -> None:
        """Move the clock in ever longer leaps, until every run has ended.

        Args:
            progress: called with the number of ended runs, and the number of runs open at first.
        """
        leap, gone = timedelta(days=1), timedelta(0)
        total = left = len(await self._open())
        while left and gone < LONGEST:
            progress(total - left, total)
            await self._server.sleep(leap)
            gone += leap
            left = len(await self._open())
            leap = min(leap * 2, LONGEST - gone)
        progress(total - left, total)

    async def advance(self, to: datetime) -> None:
        """Let everything happen that is due by a moment of the calls' time."""
        # a timer is set a few milliseconds after the moment that it counts from, and fires as late.
        # Steps that are due by `to` get that time, so that at a tie the step precedes the event.
        ahead = to + SETTLE - (await self._server.now() + self._clock)
        if ahead > timedelta(0):
            await self._server.sleep(ahead)
        if ahead > SKIPPED:  # everything was at rest on the way
            self._busy.clear()

    async def rest(self) -> None:
        """Wait until every run is at rest, as `VirtualClock.rest` defines it.

        A run that is then told of an event has no activity that is about to end. The test server
        cannot handle that case: if a run cancels an activity or a timer at the moment at which it
        ends, the server loses the workflow task, and time stands still.
        """
        await self._server.rest()
        self._busy.clear()

    async def _begun(self) -> list[str]:
        async with self._store.reading() as session:
            return list(dict.fromkeys(row.workflow_id for row in await runs.every(session)))

    async def _open(self) -> list[str]:
        still = []
        for workflow_id in await self._begun():
            try:
                description = await self._client.get_workflow_handle(workflow_id).describe()
                closed = description.status is not WorkflowExecutionStatus.RUNNING
            except RPCError as error:  # without an answer, ask again after the next leap
                closed = error.status is RPCStatusCode.NOT_FOUND
            if not closed:
                still.append(workflow_id)
        return still
