"""Replay recorded calls through the real engine in virtual time.

The engine is the real one: Temporal's time-skipping test server, a worker in a process of its own,
the store, the dispatcher. Only the clock is moved: before each call the server's clock is advanced
to the call's recorded moment, and every timer on the way fires in its order.

The test server's clock starts today and only runs forward, so runs carry the difference between the
recorded time and the server's (`Enrolment.clock`): customers get their messages at the hours, and
with the dates, of the recording.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.empty_pb2 import Empty
from temporalio.api.testservice.v1 import SleepRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from sojourn.cli.calls import Call, Fault
from sojourn.cli.local.stack import Stack, time_skipping_stack
from sojourn.dispatch import Sojourn
from sojourn.dispatch.calls import Track
from sojourn.dispatch.outcomes import enrolments
from sojourn.domain.alias import Alias
from sojourn.domain.customer import Identity
from sojourn.domain.errors import BadEvent, Unavailable
from sojourn.domain.messages import Reason
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store, events, ledger, runs
from sojourn.store.tables import LedgerRow

LONGEST = timedelta(days=3600)  # the test server ends any run at ten years
SETTLE = timedelta(milliseconds=100)
STUCK = timedelta(minutes=2)
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


@dataclass
class Replayed:
    """The counts of a recording."""

    read: int = 0
    stored: int = 0
    repeated: int = 0
    identified: int = 0
    faults: list[Fault] = field(default_factory=list)
    journeys: dict[str, Tally] = field(default_factory=dict)

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
        The counts.

    Raises:
        Unavailable: a server does not start, or nothing moves for two minutes.
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
            travel = await _Travel.begin(stack, project, work[0].at)
            for number, call in enumerate(work):
                await travel.take(call, result)
                progress("events", number + 1, len(work))
            await travel.finish(progress)
        result.journeys = await _tally(stack.client, stack.store, project)
    return result


class _Travel:
    """The server's clock, and the recording's."""

    def __init__(self, stack: Stack, project: Project, clock: timedelta) -> None:
        self._client = stack.client
        self._store = stack.store
        self._clock = clock
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
    async def begin(cls, stack: Stack, project: Project, at: datetime) -> "_Travel":
        return cls(stack, project, at - await _server_time(stack.client))

    async def take(self, call: Track | Identity | Alias, result: Replayed) -> None:
        """Let everything happen that is due by the moment of the call, then take the call."""
        if isinstance(call, Identity):
            await self._advance(call.at)
            self._arrived = call.at
            try:
                await self._sojourn.identify(call)
            except BadEvent as error:  # only the card tells how its one trait is to be read
                reason = f"identify of {call.customer_id}: {error}"
                result.faults.append(Fault(0, reason, is_event=False))
                return
            result.identified += 1
            return
        if isinstance(call, Alias):
            await self._advance(call.at)
            await self._sojourn.alias(call)
            return
        if self._sojourn.project.journeys.heard_by(call.name):
            await self._advance(call.at)
        self._arrived = call.at
        published = await call.into(self._sojourn)
        result.stored += published.stored
        result.repeated += not published.stored

    async def finish(self, progress: Callable[[str, int, int], None]) -> None:
        """Leap ahead, ever further, until every run has ended."""
        leap, gone = timedelta(days=1), timedelta(0)
        total = left = len(await self._open())
        while left and gone < LONGEST:
            progress("runs", total - left, total)
            await self._sleep(leap)
            gone += leap
            left = len(await self._open())
            leap = min(leap * 2, LONGEST - gone)
        progress("runs", total - left, total)

    async def _advance(self, to: datetime) -> None:
        # a timer is set a few milliseconds after the moment that it counts from, and fires as late.
        # Steps that are due by `to` get that time, so that at a tie the step precedes the event.
        ahead = to + SETTLE - (await _server_time(self._client) + self._clock)
        if ahead > timedelta(0):
            await self._sleep(ahead)

    async def _sleep(self, duration: timedelta) -> None:
        request = SleepRequest()
        request.duration.FromTimedelta(duration)
        try:
            # virtual time stands still while a task is in flight: a killed worker costs the
            # time-out of its task, not more
            await self._client.test_service.unlock_time_skipping_with_sleep(request, timeout=STUCK)
        except RPCError as error:
            raise Unavailable(
                f"the replay does not move ({error.message}): see worker.log in its folder "
                "(--keep FOLDER keeps it)"
            ) from None

    async def _open(self) -> list[str]:
        async with self._store.reading() as session:
            ids = dict.fromkeys(row.workflow_id for row in await runs.every(session))
        still = []
        for workflow_id in ids:
            description = await self._client.get_workflow_handle(workflow_id).describe()
            if description.status is WorkflowExecutionStatus.RUNNING:
                still.append(workflow_id)
        return still


async def _server_time(client: Client) -> datetime:
    answer = await client.test_service.get_current_time(Empty())
    return answer.time.ToDatetime(tzinfo=UTC)


async def _tally(client: Client, store: Store, project: Project) -> dict[str, Tally]:
    async with store.reading() as session:
        started = await runs.every(session)
        messages = await ledger.every(session)
        causes = {
            row.caused_by: await events.find(session, row.caused_by)
            for row in messages
            if row.caused_by is not None
        }
    tallies = {name: Tally() for name in project.journeys}
    counted: set[tuple[str, str]] = set()
    for run in started:
        async for ended in enrolments(client, run.workflow_id, run.run_id):
            if (run.workflow_id, ended.run_id) in counted:
                break  # a start that met an open run also noted one of its executions
            counted.add((run.workflow_id, ended.run_id))
            tallies[run.journey].runs += 1
            tallies[run.journey].outcomes[ended.outcome] += 1
    for row in messages:
        cause = causes.get(row.caused_by) if row.caused_by else None
        if row.reason in OVERTAKEN and cause is not None and cause.occurred_at < row.due_at:
            continue  # an event overtook the step before its moment, so it never fell due
        _count(tallies[row.journey].steps.setdefault(row.step, Step()), row)
    return tallies


def _count(step: Step, row: LedgerRow) -> None:
    step.due += 1
    if row.state == "sent":
        step.sent += 1
    elif row.state == "skipped":
        step.skipped[str(row.reason)] += 1
    else:
        step.other[row.state] += 1
