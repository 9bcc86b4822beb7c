"""The ends of runs, as Temporal knows them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from temporalio.client import (
    Client,
    WorkflowContinuedAsNewError,
    WorkflowExecutionStatus,
    WorkflowFailureError,
)

from sojourn.domain.messages import Enrolment, Result

OPEN = "open"


@dataclass(frozen=True)
class Ended:
    """One enrolment of a run.

    Args:
        run_id: the execution in which it ended, or is still open.
        outcome: an `Outcome` value, ``open``, or how Temporal ended it (``terminated``, ...).
    """

    run_id: str
    outcome: str


async def enrolments(client: Client, workflow_id: str, run_id: str) -> AsyncIterator[Ended]:
    """Yield the enrolments of a run from the execution ``run_id`` on, oldest first.

    A run that begins its next period goes on in a new execution, and so does a run whose history
    has grown long: the chain is followed to its end.

    Args:
        client: connected.
        workflow_id: the run's.
        run_id: the execution to begin with.

    Yields:
        Each enrolment with its outcome.
    """
    execution: str | None = run_id
    while execution is not None:
        handle = client.get_workflow_handle(workflow_id, run_id=execution, result_type=Result)
        description = await handle.describe()
        if description.status is WorkflowExecutionStatus.RUNNING:
            yield Ended(execution, OPEN)
            return
        try:
            yield Ended(execution, (await handle.result(follow_runs=False)).outcome.value)
            return
        except WorkflowContinuedAsNewError as continued:
            following = continued.new_execution_run_id
        except WorkflowFailureError:
            assert description.status is not None
            yield Ended(execution, description.status.name.lower())
            return
        outcome = await _ended_before(client, workflow_id, following)
        if outcome is not None:  # else the same enrolment goes on with a fresh history
            yield Ended(execution, outcome)
        execution = following


async def _ended_before(client: Client, workflow_id: str, execution: str) -> str | None:
    """Return the outcome of the enrolment that ended when this execution began."""
    handle = client.get_workflow_handle(workflow_id, run_id=execution)
    async for event in handle.fetch_history_events(page_size=1):
        payloads = event.workflow_execution_started_event_attributes.input.payloads
        (enrolment,) = await client.data_converter.decode(payloads, [Enrolment])
        carried = enrolment.carried
        return carried.ended.value if carried and carried.ended else None
    return None
