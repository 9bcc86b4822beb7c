"""Replay recorded calls through the real engine in virtual time.

The engine is the real one: Temporal's time-skipping test server, a worker in a process of its own,
the store, the dispatcher. Only the clock is moved: before each call the server's clock is advanced
to the call's recorded moment, and every timer on the way fires in its order. That holds for calls
that no journey hears, too: a template reads them, and must not see what happens after it.

The test server's clock starts today and only runs forward, so runs carry the difference between the
recorded time and the server's (`Enrolment.clock`): customers get their messages at the hours, and
with the dates, of the recording.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from sojourn.cli.calls import Call, Fault
from sojourn.cli.local.stack import Stack, time_skipping_stack
from sojourn.cli.virtual_clock import VirtualClock, server_time
from sojourn.dispatch import Sojourn
from sojourn.dispatch.calls import Track
from sojourn.dispatch.outcomes import Ended, enrolments
from sojourn.domain.alias import Alias
from sojourn.domain.customer import Identity
from sojourn.domain.errors import BadEvent, TemporalUnavailable
from sojourn.domain.messages import Reason
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store, events, ledger, runs
from sojourn.store.tables import LedgerRow

LONGEST = timedelta(days=3600)  # the test server ends any run at ten years
SETTLE = timedelta(milliseconds=100)
TRIES = 3
UNKNOWN = "unknown"
TERMINATED = WorkflowExecutionStatus.TERMINATED.name.lower()
FAILED = WorkflowExecutionStatus.FAILED.name.lower()
OVERTAKEN = (Reason.GOAL_REACHED, Reason.SUPERSEDED, Reason.RUN_STOPPED)


@dataclass
class Step:
    """The counts of one step: how often it fell due, and what became of it."""

    due: int = 0
    sent: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    other: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """Return the counts; messages neither sent nor skipped are counted by their state."""
        return {"due": self.due, "sent": self.sent, "skipped": dict(self.skipped), **self.other}


@dataclass
class Tally:
    """The counts of one journey over the recording."""

    runs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    steps: dict[str, Step] = field(default_factory=dict)


@dataclass(frozen=True)
class Unknown:
    """A part of the recording whose outcome is not known.

    Args:
        name: the workflow id of a run, or the message id of an event.
        reason: why.
    """

    name: str
    reason: str


@dataclass
class Replayed:
    """The counts of a recording, and what they leave out."""

    read: int = 0
    stored: int = 0
    repeated: int = 0
    identified: int = 0
    faults: list[Fault] = field(default_factory=list)
    journeys: dict[str, Tally] = field(default_factory=dict)
    unknown: list[Unknown] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the counts in the shape that ``replay --json`` promises."""
        return {
            "events": {"read": self.read, "stored": self.stored, "rejected": len(self.faults)},
            "journeys": {
                name: {
                    "runs": tally.runs,
                    "outcomes": dict(tally.outcomes),
                    "steps": {step: counts.as_json() for step, counts in tally.steps.items()},
                }
                for name, tally in self.journeys.items()
            },
            "unknown": [{"name": one.name, "reason": one.reason} for one in self.unknown],
        }


async def replay(
    calls: Sequence[Call],
    settings: Settings,
    project: Project,
    *,
    progress: Callable[[str, int, int], None] = lambda phase, done, total: None,
    on_restart: Callable[[int], None] = lambda code: None,
) -> Replayed:
    """Replay recorded calls, then let every run that they started reach its end.

    Args:
        calls: as read; the replay puts them into the order of their moments.
        settings: their ``home`` and database take the replay's state: a folder of its own.
        project: its journeys and events.
        progress: called with the phase, the part that is done, and the total.
        on_restart: called with the exit code when the worker died and was started again.

    Returns:
        The counts. A run that fails or holds up all others is among its unknown ones.

    Raises:
        Unavailable: a server does not start or is gone, or nothing moves and no run is to blame.
    """
    result = Replayed()
    work: list[Track | Identity | Alias] = []
    for call in calls:
        if isinstance(call, Fault):
            result.faults.append(call)
            result.read += 1
        elif isinstance(call, Track | Identity | Alias):
            result.read += isinstance(call, Track)
            work.append(call)
    work.sort(key=lambda call: call.at)
    async with time_skipping_stack(settings, on_restart=on_restart) as stack:
        if work:
            travel = await _Travel.begin(stack, project, work[0].at, result)
            for number, call in enumerate(work):
                await travel.take(call)
                progress("events", number + 1, len(work))
            await travel.finish(progress)
        await _tally(stack.client, stack.store, project, result)
    return result


class _Travel:
    """The server's clock, and the recording's."""

    def __init__(self, stack: Stack, project: Project, clock: timedelta, result: Replayed) -> None:
        self._client = stack.client
        self._store = stack.store
        self._clock = clock
        self._result = result
        self._server = VirtualClock(stack.client, self._begun, self._set_aside)
        self._arrived: datetime = datetime.min.replace(tzinfo=UTC)
        self._sojourn = Sojourn(
            stack.client,
            stack.store,
            stack.settings,
            project,
            now=lambda: self._arrived,
            clock=clock,
        )

    @classmethod
    async def begin(
        cls, stack: Stack, project: Project, at: datetime, result: Replayed
    ) -> "_Travel":
        return cls(stack, project, at - await server_time(stack.client), result)

    async def take(self, call: Track | Identity | Alias) -> None:
        """Let everything happen that is due by the moment of the call, then take the call."""
        await self._advance(call.at)
        self._arrived = call.at
        if isinstance(call, Identity):
            try:
                await self._sojourn.identify(call)
            except BadEvent as error:  # only the card tells how its one trait is to be read
                reason = f"identify of {call.customer_id}: {error}"
                self._result.faults.append(Fault(0, reason, is_event=False))
                return
            self._result.identified += 1
        elif isinstance(call, Alias):
            await self._sojourn.alias(call)
        else:
            await self._publish(call)

    async def _publish(self, call: Track) -> None:
        """Publish an event; again if its runs could not be told, for it is stored all the same."""
        stored = False
        for left in reversed(range(TRIES)):
            try:
                published = await call.into(self._sojourn)
            except TemporalUnavailable as error:
                stored = True
                if not left:
                    who = f"{call.event.message_id} of {call.event.customer_id}"
                    self._result.unknown.append(Unknown(who, str(error)))
            else:
                stored = stored or published.stored
                break
        self._result.stored += stored
        self._result.repeated += not stored

    def _set_aside(self, run: str, why: str) -> None:
        self._result.unknown.append(Unknown(run, why))

    async def finish(self, progress: Callable[[str, int, int], None]) -> None:
        """Leap ahead, ever further, until every run has ended."""
        leap, gone = timedelta(days=1), timedelta(0)
        total = left = len(await self._open())
        while left and gone < LONGEST:
            progress("runs", total - left, total)
            await self._server.sleep(leap)
            gone += leap
            left = len(await self._open())
            leap = min(leap * 2, LONGEST - gone)
        progress("runs", total - left, total)

    async def _advance(self, to: datetime) -> None:
        # a timer is set a few milliseconds after the moment that it counts from, and fires as late.
        # Steps that are due by `to` get that time, so that at a tie the step precedes the event.
        ahead = to + SETTLE - (await self._server.now() + self._clock)
        if ahead > timedelta(0):
            await self._server.sleep(ahead)

    async def _begun(self) -> list[str]:
        async with self._store.reading() as session:
            return list(dict.fromkeys(row.workflow_id for row in await runs.every(session)))

    async def _open(self) -> list[str]:
        still = []
        for workflow_id in await self._begun():
            try:
                description = await self._client.get_workflow_handle(workflow_id).describe()
                closed = description.status is not WorkflowExecutionStatus.RUNNING
            except RPCError as error:  # without an answer, it is asked after the next leap
                closed = error.status is RPCStatusCode.NOT_FOUND
            if not closed:
                still.append(workflow_id)
        return still


async def _tally(client: Client, store: Store, project: Project, result: Replayed) -> None:
    async with store.reading() as session:
        started = await runs.every(session)
        messages = await ledger.every(session)
        causes = {
            row.caused_by: await events.find(session, row.caused_by)
            for row in messages
            if row.caused_by is not None
        }
    tallies = result.journeys = {name: Tally() for name in project.journeys}
    aside = {one.name for one in result.unknown}
    counted: set[tuple[str, str]] = set()
    for run in started:
        try:
            ends = [ended async for ended in enrolments(client, run.workflow_id, run.run_id)]
        except RPCError as error:
            reason = f"its end cannot be read: {error.message}"
            result.unknown.append(Unknown(run.workflow_id, reason))
            ends = [Ended(run.run_id, UNKNOWN)]
        for ended in ends:
            if (run.workflow_id, ended.run_id) in counted:
                break  # a start that met an open run also noted one of its executions
            counted.add((run.workflow_id, ended.run_id))
            outcome = ended.outcome
            if outcome == TERMINATED and run.workflow_id in aside:
                outcome = UNKNOWN
            elif outcome == FAILED:
                result.unknown.append(Unknown(run.workflow_id, "it failed"))
            tallies[run.journey].runs += 1
            tallies[run.journey].outcomes[outcome] += 1
    for row in messages:
        cause = causes.get(row.caused_by) if row.caused_by else None
        if row.reason in OVERTAKEN and cause is not None and cause.occurred_at < row.due_at:
            continue  # an event overtook the step before its moment, so it never fell due
        _count(tallies[row.journey].steps.setdefault(row.step, Step()), row)


def _count(step: Step, row: LedgerRow) -> None:
    step.due += 1
    if row.state == "sent":
        step.sent += 1
    elif row.state == "skipped":
        step.skipped[str(row.reason)] += 1
    else:
        step.other[row.state] += 1
