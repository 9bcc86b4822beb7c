"""Replay recorded calls on the real engine in virtual time.

The calls are played in the order of their moments (`TimeTravel`), then every run reaches its end.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from sojourn.cli.calls import Call, Fault
from sojourn.cli.local.stack import time_skipping_stack
from sojourn.cli.time_travel import Taken, TimeTravel, Unknown
from sojourn.dispatch.calls import Track
from sojourn.dispatch.outcomes import Ended, enrolments
from sojourn.domain.alias import Alias
from sojourn.domain.customer import Identity
from sojourn.domain.messages import Reason
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store, events, ledger, runs
from sojourn.store.tables import LedgerRow

UNKNOWN = "unknown"
TERMINATED = WorkflowExecutionStatus.TERMINATED.name.lower()
FAILED = WorkflowExecutionStatus.FAILED.name.lower()
OVERTAKEN = (Reason.GOAL_REACHED, Reason.SUPERSEDED, Reason.RUN_STOPPED)


@dataclass
class Step:
    """The counts of one step: how often it fell due, and the results."""

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
    """The counts of a recording, and the faults and runs that they leave out."""

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
        calls: the calls as read; the replay sorts them by their moments.
        settings: the settings, with a separate ``home`` and database for the replay's state.
        project: the project with its journeys and events.
        progress: called with the phase, the number done, and the total.
        on_restart: called with the exit code when the worker died and is restarted.

    Returns:
        The counts. A run that fails or holds up all others is listed as unknown.

    Raises:
        Unavailable: a server does not start or has gone, or nothing moves and no run is to blame.
    """
    result = Replayed()
    work: list[Taken] = []
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
            travel = await TimeTravel.begin(stack, project, work[0].at)
            for number, call in enumerate(work):
                await travel.take(call)
                progress("events", number + 1, len(work))
            await travel.finish(lambda done, total: progress("runs", done, total))
            result.stored, result.repeated = travel.stored, travel.repeated
            result.identified = travel.identified
            result.faults += travel.faults
            result.unknown += travel.unknown
        await _tally(stack.client, stack.store, project, result)
    return result


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
