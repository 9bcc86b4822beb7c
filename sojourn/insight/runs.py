"""Runs as Temporal knows them: one list call, and a query to each open run for details."""

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from pydantic import BaseModel, Field
from temporalio.api.enums.v1 import EventType
from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
)
from temporalio.service import RPCError

from sojourn.domain.errors import TemporalUnavailable
from sojourn.domain.messages import Outcome
from sojourn.journeys.queues import CUSTOMER_ID, FIRST_WAIT, JOURNEY, OUTCOME

ANSWER_TIMEOUT = timedelta(seconds=10)
QUERY_TIMEOUT = timedelta(seconds=5)
QUERIES_AT_ONCE = 10
RUNNING = "running"


class Run(BaseModel):
    """One execution of a journey.

    Args:
        workflow_id: ``abandoned-cart:c42:cart7``.
        run_id: Temporal's id of this execution.
        journey: its name.
        customer_id: the customer.
        key: tells the customer's runs of the journey apart; may be empty.
        status: Temporal's word: running, completed, continued-as-new, failed, terminated, ...
        outcome: its outcome, if it has ended.
        started: when it started, by Temporal's clock.
        closed: when it ended, by Temporal's clock.
        doing: the wait of an open run, if it was asked; the cause of a failed one.
        until: the end of that wait.
        in_shadow: nothing that it says leaves; None: the store was not asked.
        held_until: the end of the delay of its start; None if it has begun by now.
    """

    workflow_id: str
    run_id: str
    journey: str
    customer_id: str
    key: str = ""
    status: str
    outcome: Outcome | None = None
    started: datetime
    closed: datetime | None = None
    doing: str | None = None
    until: datetime | None = None
    in_shadow: bool | None = None
    held_until: datetime | None = Field(default=None, exclude=True)

    @property
    def is_open(self) -> bool:
        """True if the run is open."""
        return self.status == RUNNING

    @property
    def standing(self) -> str:
        """Status and outcome in one word or two: ``converted``, ``converted, goes on as new``."""
        if self.status == "completed":
            return str(self.outcome or self.status)
        if self.status == "continued-as-new":
            return f"{self.outcome}, goes on as new" if self.outcome else "goes on as new"
        return self.status


async def list_runs(
    client: Client,
    *,
    journey: str | None = None,
    customer_ids: Collection[str] | None = None,
    is_open: bool | None = None,
    limit: int | None = None,
) -> list[Run]:
    """List runs by Temporal's visibility, which lags a moment: open ones first, then the newest.

    Args:
        client: the connected client.
        journey: only runs of this journey.
        customer_ids: only runs of this customer. A run keeps the id with which it began, so give
            every id that the person has had.
        is_open: only open runs, or only closed ones.
        limit: the most runs.

    Returns:
        The runs.

    Raises:
        TemporalUnavailable: the server does not answer the question.
    """
    found: list[Run] = []
    with asking_temporal():
        async for run in _executions(client, _query(journey, customer_ids, is_open)):
            # compared here as well, since servers read quotes in a query differently
            if customer_ids is not None and run.customer_id not in customer_ids:
                continue
            if journey not in (None, run.journey):
                continue
            found.append(run)
            if limit is not None and len(found) >= limit:
                break
    return found


async def with_details(client: Client, runs: list[Run]) -> list[Run]:
    """Add the waits of open runs, and the causes of failed ones."""
    turn = asyncio.Semaphore(QUERIES_AT_ONCE)

    async def one(run: Run) -> Run:
        if run.is_open:
            async with turn:
                return run.model_copy(update=await _status(client, run))
        if run.status == "failed":
            async with turn:
                return run.model_copy(update={"doing": await _failure(client, run)})
        return run

    return list(await asyncio.gather(*(one(run) for run in runs)))


@contextmanager
def asking_temporal() -> Iterator[None]:
    """Turn an error of the server or the network into one line.

    Raises:
        TemporalUnavailable: instead of Temporal's own errors.
    """
    try:
        yield
    except RPCError as error:
        raise TemporalUnavailable(
            f"Temporal does not answer the question ({error.status.name.lower()}: {error.message})"
        ) from None


def key_in(workflow_id: str) -> str:
    """Return the key at the end of a workflow id; empty if it has none. See `dispatch.routing`."""
    parts = workflow_id.split(":")
    return unquote(parts[2]) if len(parts) == 3 else ""


def _query(journey: str | None, customer_ids: Collection[str] | None, is_open: bool | None) -> str:
    conditions = ["Journey IS NOT NULL"]
    conditions += _is("Journey", journey)
    each = [_is("CustomerId", customer_id) for customer_id in customer_ids or ()]
    if each and all(each):
        conditions.append(f"({' OR '.join(condition for (condition,) in each)})")
    if is_open is not None:
        conditions.append(f"ExecutionStatus {'=' if is_open else '!='} 'Running'")
    return " AND ".join(conditions)


def _is(attribute: str, value: str | None) -> list[str]:
    """Write conditions that hold if the attribute has this value, without anything to escape.

    Servers disagree on escapes: on SQLite, 1.32 finds no value with a double quote or a backslash,
    however it is written. So the query covers the value up to the first of them, and `list_runs`
    compares the whole value.
    """
    if value is None:
        return []
    plain = re.split(r"""['"\\]""", value, maxsplit=1)[0]
    if plain == value:
        return [f"{attribute} = '{plain}'"]
    return [f"{attribute} STARTS_WITH '{plain}'"] if plain else []


async def _executions(client: Client, query: str) -> AsyncIterator[Run]:
    async for execution in client.list_workflows(query, rpc_timeout=ANSWER_TIMEOUT):
        yield _run(execution)


def _run(execution: WorkflowExecution) -> Run:
    attributes = execution.typed_search_attributes
    status = execution.status
    outcome = attributes.get(OUTCOME)
    if outcome is None and status is WorkflowExecutionStatus.COMPLETED:
        # a run that has sent everything saves the action of reporting it
        outcome = Outcome.EXHAUSTED
    return Run(
        workflow_id=execution.id,
        run_id=execution.run_id,
        journey=attributes.get(JOURNEY) or execution.workflow_type,
        customer_id=attributes.get(CUSTOMER_ID) or "",
        key=key_in(execution.id),
        status=status.name.lower().replace("_", "-") if status else "unknown",
        outcome=Outcome(outcome) if outcome else None,
        started=execution.start_time,
        closed=execution.close_time,
        held_until=held_until(execution),
    )


async def _status(client: Client, run: Run) -> dict[str, Any]:
    handle = client.get_workflow_handle(run.workflow_id, run_id=run.run_id)
    try:
        doing, until = await doing_of(handle, held_until=run.held_until)
    except WorkflowQueryFailedError as error:
        return {"doing": f"cannot tell: {error}"}
    except RPCError as error:
        return {"doing": f"cannot tell ({error.status.name.lower()}): does a worker run?"}
    return {"doing": doing, "until": until}


async def doing_of(
    handle: WorkflowHandle[Any, Any], *, held_until: datetime | None
) -> tuple[str, datetime | None]:
    """Ask an open run what it does.

    One whose start is delayed has no worker yet that could answer, and Temporal would have us wait
    for one: its history and its memo tell.

    Args:
        handle: of the run.
        held_until: the end of the delay of its start; None if it has begun by now.

    Returns:
        What it waits for, or does, and until when.

    Raises:
        WorkflowQueryFailedError: its code fails over the question.
        RPCError: nobody answers.
    """
    if held_until is not None and not await has_begun(handle):
        described = await handle.describe(rpc_timeout=ANSWER_TIMEOUT)
        doing: str = await described.memo_value(FIRST_WAIT, "starting", type_hint=str)
        return doing, held_until
    answer = await handle.query("status", rpc_timeout=QUERY_TIMEOUT)
    until = answer["until"]
    return answer["doing"], datetime.fromisoformat(until) if until else None


def held_until(execution: WorkflowExecution) -> datetime | None:
    """Return when the delay of a run's start is over; None if it has begun by now.

    An update wakes the run before: `has_begun` knows that.
    """
    delayed_until = execution.execution_time
    if delayed_until is None or delayed_until <= max(execution.start_time, datetime.now(UTC)):
        return None
    return delayed_until


async def has_begun(handle: WorkflowHandle[Any, Any]) -> bool:
    """Tell whether a run has had its first task."""
    async for event in handle.fetch_history_events(rpc_timeout=ANSWER_TIMEOUT):
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            return True
    return False


async def _failure(client: Client, run: Run) -> str:
    handle = client.get_workflow_handle(run.workflow_id, run_id=run.run_id)
    try:
        await handle.result(follow_runs=False, rpc_timeout=ANSWER_TIMEOUT)
    except WorkflowFailureError as error:
        return " ".join(str(error.cause).split())
    except RPCError as error:
        return f"cannot tell ({error.status.name.lower()})"
    return "cannot tell"
