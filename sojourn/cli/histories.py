"""Replaying histories against today's code, before a deploy does."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from temporalio.client import Client, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from sojourn.composing import load_project
from sojourn.domain.errors import BadInput
from sojourn.serving import sandbox

LESSON = (
    "The set or the order of the steps changed, and runs like this one are under way. Copy, delays "
    "and awaited events may change freely; for a step that is added, removed or renamed, keep the "
    'old way for old runs: `if self.patched("what-changed"): ... else: ...` in steps(); '
    "drop the old way when `sojourn check --open` finds no run that needs it."
)


@dataclass(frozen=True)
class Replayed:
    """One history against the code.

    Args:
        name: the file, or the workflow id.
        journey: what it is a run of.
        broken: why it would break, in one line; None if it replays.
    """

    name: str
    journey: str
    broken: str | None


async def replay(
    histories: AsyncIterator[tuple[str, WorkflowHistory]], workflows: Sequence[type] | None = None
) -> list[Replayed]:
    """Replay named histories against the journeys (or other workflow classes)."""
    replayer = Replayer(
        workflows=workflows or list(load_project().journeys.values()),
        data_converter=pydantic_data_converter,
        workflow_runner=sandbox.workflow_runner(load_project()),
    )
    results = []
    async for name, history in histories:
        result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
        failure = result.replay_failure
        results.append(
            Replayed(name, _journey(history), None if failure is None else _explain(failure))
        )
    return results


async def recorded(folder: Path) -> AsyncIterator[tuple[str, WorkflowHistory]]:
    """The histories kept in a folder: ``{journey}/{way out}.json``.

    Raises:
        BadInput: there are none, or a file is no history.
    """
    files = _files(folder)
    if not files:
        raise BadInput(f"no recorded histories (*.json) in {folder}")
    for file in files:
        name = str(file.relative_to(folder).with_suffix(""))
        try:
            yield name, WorkflowHistory.from_json(name, file.read_text())
        except (ValueError, KeyError, OSError) as error:
            raise BadInput(f"{file} is no workflow history: {error}") from None


async def open_runs(client: Client) -> AsyncIterator[tuple[str, WorkflowHistory]]:
    """The histories of every open run of our journeys in the namespace."""
    names = ", ".join(f"'{name}'" for name in load_project().journeys)
    query = f"ExecutionStatus = 'Running' AND WorkflowType IN ({names})"
    async for run in client.list_workflows(query):
        handle = client.get_workflow_handle(run.id, run_id=run.run_id)
        try:
            yield run.id, await handle.fetch_history()
        except RPCError as error:
            raise BadInput(f"cannot read the history of {run.id}: {error}") from None


def _files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.json"))


def scrubbed(history: WorkflowHistory) -> str:
    """A history as JSON to commit: without the names of machines and processes."""

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
