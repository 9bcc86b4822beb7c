"""Replay histories against the current code, before it is deployed."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from sojourn.cli.changed_waits import ChangedWait, changed, watched
from sojourn.composing import load_project
from sojourn.domain.errors import BadInput, UnknownName
from sojourn.insight.workflows import NAMES
from sojourn.insight.workflows import WORKFLOWS as OURS
from sojourn.journeys.queues import JOURNEY, TASK_QUEUE
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.serving import sandbox

LESSON = (
    "The set or the order of the steps changed, and runs like this one are under way. Copy, delays "
    "and awaited events may change freely; for a step that is added, removed or renamed, keep the "
    'old way for old runs: `if self.patched("what-changed"): ... else: ...` in steps(); '
    "drop the old way when `sojourn check --open` finds no run that needs it."
)

ORPHANED = (
    "The run would stand still for ever. Keep the class under its old name until its last run is "
    "over; `off` in [tool.sojourn] starts no more. Or end the runs by `sojourn stop` before the "
    "deploy."
)


@dataclass(frozen=True)
class Checked:
    """The result of replaying one history.

    Args:
        name: the name of the file, or the workflow id.
        journey: the name of the journey.
        broken: why the run would break, in one line; None if it replays.
        wait: the run's current wait, if the code would begin another one instead.
    """

    name: str
    journey: str
    broken: str | None
    wait: ChangedWait | None = None


async def replay(
    histories: AsyncIterator[tuple[str, WorkflowHistory]],
    workflows: Sequence[type] | None = None,
    *,
    project: Project | None = None,
) -> list[Checked]:
    """Replay named histories against the journeys.

    Args:
        histories: the histories, each with a name.
        workflows: classes to use instead of the project's journeys.
        project: the project; None for the one that `load_project` finds.

    Returns:
        One result for each history, in their order.

    Raises:
        BadInput: the project has no journey.
    """
    project = project or load_project()
    classes = workflows or list(project.journeys.values())
    if not classes:
        raise BadInput(f"no journey in {project.root} to replay histories against")
    replayer = Replayer(
        workflows=[*classes, *(() if workflows else OURS)],
        data_converter=pydantic_data_converter,
        workflow_runner=sandbox.workflow_runner(project),
    )
    results = []
    with watched() as waits:
        async for name, history in histories:
            if not _has_begun(history):
                results.append(Checked(name, _journey(history), None))
                continue
            result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
            failure, journey = result.replay_failure, _journey(history)
            broken = None if failure is None else _explain(failure)
            after = waits.pop(history.workflow_id, None)
            wait = None if broken else changed(journey, history, after)
            results.append(Checked(name, journey, broken, wait))
    return results


def _has_begun(history: WorkflowHistory) -> bool:
    """Tell whether a run has had its first task: one whose start is delayed fits any steps."""
    completed = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    return any(event.event_type == completed for event in history.events)


async def recorded(folder: Path) -> AsyncIterator[tuple[str, WorkflowHistory]]:
    """Read the histories in a folder, named like ``{journey}/{way out}.json``.

    Raises:
        BadInput: the folder has no histories, or a file is not a history.
    """
    files = files_in(folder)
    if not files:
        raise BadInput(f"no recorded histories (*.json) in {folder}")
    for file in files:
        name = str(file.relative_to(folder).with_suffix(""))
        try:
            yield name, WorkflowHistory.from_json(name, file.read_text())
        except (ValueError, KeyError, OSError) as error:
            raise BadInput(f"{file} is not a workflow history: {error}") from None


async def open_runs(
    client: Client, journeys: Journeys
) -> AsyncIterator[tuple[str, WorkflowHistory]]:
    """Fetch the history of every open run of these journeys, and of every open campaign."""
    names = ", ".join(f"'{name}'" for name in (*journeys, *NAMES))
    query = f"ExecutionStatus = 'Running' AND WorkflowType IN ({names})"
    async for run in client.list_workflows(query):
        handle = client.get_workflow_handle(run.id, run_id=run.run_id)
        try:
            yield run.id, await handle.fetch_history()
        except RPCError as error:
            raise BadInput(f"cannot read the history of {run.id}: {error}") from None


async def orphans(client: Client, journeys: Journeys) -> list[Checked]:
    """Find open runs of journeys that the code does not have: no worker could continue them."""
    found = []
    async for run in client.list_workflows("ExecutionStatus = 'Running'"):
        name = run.workflow_type
        marked = any(pair.key.name == JOURNEY.name for pair in run.typed_search_attributes)
        ours = marked or run.task_queue == TASK_QUEUE
        if ours and name not in journeys and name not in NAMES:
            why = f"{UnknownName('journey', name, journeys)}. {ORPHANED}"
            found.append(Checked(run.id, name, why))
    return found


def files_in(folder: Path) -> list[Path]:
    """List the files of recorded histories in a folder; none if there is no such folder."""
    return sorted(folder.rglob("*.json"))


def scrubbed(history: WorkflowHistory) -> str:
    """Return a history as JSON to commit, without the names of machines and processes."""

    def scrub(value: object) -> object:
        if isinstance(value, dict):
            return {
                key: "recorded" if key == "identity" else scrub(inner)
                for key, inner in value.items()
            }
        return [scrub(inner) for inner in value] if isinstance(value, list) else value

    return json.dumps(scrub(json.loads(history.to_json())), indent=1) + "\n"


def _journey(history: WorkflowHistory) -> str:
    return history.events[0].workflow_execution_started_event_attributes.workflow_type.name


def _explain(failure: Exception) -> str:
    said = " ".join(str(failure).split())
    return f"{said} {LESSON}" if isinstance(failure, NondeterminismError) else said
