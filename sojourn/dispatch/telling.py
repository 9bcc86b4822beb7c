"""Tell runs of an event: by a signal, or by a start that brings the signal along.

A sender that wants to know what the event did is answered by an update instead, which costs more.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from sojourn.dispatch.delaying import Delay, Delays
from sojourn.dispatch.planning import Plan
from sojourn.dispatch.routing import Start, Target, Tell
from sojourn.domain.errors import TemporalUnavailable
from sojourn.domain.messages import Answer, Enrolment, Heard
from sojourn.journeys.queues import FIRST_WAIT, search_attributes
from sojourn.journeys.registry import Journeys

ANSWER_TIME = timedelta(seconds=5)
"""Time that a run may take to say what an event did."""
WAKE_TIME = timedelta(seconds=2)
"""Likewise, where nobody asks, and the run is only to be woken from the delay of its start."""
CALL_TIME = timedelta(seconds=3)
"""Time-out of one call: a gateway has the patience for two."""
NO_CONNECTION = "Failed client connect"
"""The first words of a client that could not connect when it first had to."""
USE_EXISTING = WorkflowIDConflictPolicy.USE_EXISTING
_AWAY = (
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.CANCELLED,
    RPCStatusCode.RESOURCE_EXHAUSTED,
)


T = TypeVar("T")


@dataclass(frozen=True)
class Reached:
    """A run that was told.

    Args:
        execution: that a start found or made; empty if the run was known to be open.
        answer: what the event did, if somebody asked and the run answered in time.
        delayed_until: when the delay of its start is over, by Temporal's clock; None: it has none.
    """

    execution: str = ""
    answer: Answer | None = None
    delayed_until: datetime | None = None


class Tells(Protocol):
    """Tells runs of events.

    Attributes:
        missing: why nobody can be told yet, as far as somebody has found out; None: nothing is
            known.
    """

    missing: str | None

    async def reach(self, target: Target, plan: Plan) -> Reached | None:
        """Tell or start one run, as `Teller.reach`."""
        ...

    async def is_open(self, workflow_id: str, plan: Plan) -> bool:
        """Tell whether a run is open."""
        ...

    async def enter(self, target: Start, enrolment: Enrolment) -> str:
        """Start a run that the store knows and the engine does not."""
        ...

    async def retell(self, target: Tell, event: Heard) -> bool:
        """Tell an open run of an event once more."""
        ...


class Teller:
    """Signals and starts runs of Temporal's.

    Args:
        client: a Temporal client with the pydantic data converter.
        task_queue: of the journeys.
        journeys: of the project.
        delays: let Temporal spend the first wait of a run as the delay of its start
            (`dispatch.delaying`).
    """

    def __init__(
        self, client: Client, task_queue: str, journeys: Journeys, *, delays: bool = False
    ) -> None:
        self._client = client
        self._journeys = journeys
        self._task_queue = task_queue
        self._delays = Delays(client, journeys) if delays else None
        self.missing: str | None = None
        """Why nobody can be told yet, as far as somebody has found out; None: nothing is known."""

    async def reach(self, target: Target, plan: Plan) -> Reached | None:
        """Tell or start one run.

        A run that is open as far as the store knows is signalled: that costs less than a start. If
        it has closed meanwhile, it is started again.

        Returns:
            The run that was reached; None if there is no open run to tell.

        Raises:
            TemporalUnavailable: the run cannot be told now.
        """
        with self._named(plan):
            if target.workflow_id in plan.open_runs or not isinstance(target, Start):
                reached = await self._tell(target, plan)
                if reached is not None or not isinstance(target, Start):
                    return reached
            return await self._start(target, plan)

    async def is_open(self, workflow_id: str, plan: Plan) -> bool:
        """Tell whether a run is open, as Temporal knows it.

        Args:
            workflow_id: the run's.
            plan: of the event that it is asked for.

        Raises:
            TemporalUnavailable: nobody can say now.
        """
        handle = self._client.get_workflow_handle(workflow_id)
        with self._named(plan):
            try:
                described = await _twice(lambda: handle.describe(rpc_timeout=CALL_TIME))
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND or has_no_namespace(error):
                    raise
                return False
        return described.status is WorkflowExecutionStatus.RUNNING

    @contextmanager
    def _named(self, plan: Plan) -> Iterator[None]:
        """Turn an error of Temporal's into one that says what becomes of the event.

        Raises:
            TemporalUnavailable: nobody can be told now.
        """
        if self.missing is not None:
            raise TemporalUnavailable(f"the event {plan.row.message_id} is stored: {self.missing}")
        try:
            yield
        except RPCError as error:
            if has_no_namespace(error):
                raise TemporalUnavailable(
                    f"the event {plan.row.message_id} is stored, but Temporal has no namespace "
                    f"{self._client.namespace}: create it, or set TEMPORAL_NAMESPACE"
                ) from None
            if error.status in _AWAY:
                raise TemporalUnavailable(
                    f"the event {plan.row.message_id} is stored, but Temporal does not answer "
                    f"({error.status.name.lower()}): it will be routed once it does"
                ) from None
            raise
        except RuntimeError as error:
            if not str(error).startswith(NO_CONNECTION):
                raise
            raise TemporalUnavailable(
                f"the event {plan.row.message_id} is stored, but Temporal cannot be reached: "
                "it will be routed once it can"
            ) from None

    async def _tell(self, target: Target, plan: Plan) -> Reached | None:
        """Tell an open run; return None if it is closed, which is news, not an error."""
        handle, event = self._client.get_workflow_handle(target.workflow_id), plan.heard_by(target)
        unanswered = False
        try:
            if plan.ask and not target.shadow:  # it has done nothing that a sender may ask about
                asked = handle.execute_update("ask", event, id=event.id, result_type=Answer)
                answer = await _in_time(asked)
                if answer is not None:
                    return Reached(answer=answer)
                unanswered = True
            elif self._is_held(target, plan):
                if await _woken(handle, event):
                    return Reached()
                unanswered = True
            await _twice(lambda: handle.signal(event.name, event, rpc_timeout=CALL_TIME))
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND or has_no_namespace(error):
                raise
            if not unanswered or isinstance(target, Start):
                return None
            # it may have heard the event that it was asked about, and ended over it
        return Reached()

    def _is_held(self, target: Target, plan: Plan) -> bool:
        """Tell whether the event ends a run whose start is still delayed.

        A signal would not end the delay: the run would hear it once that is over, and be open until
        then. Nothing else that such a run hears matters before (`journeys.delaying`).
        """
        until = plan.delayed.get(target.workflow_id)
        if until is None or until <= datetime.now(UTC):
            return False
        return self._journeys[target.journey].terms.is_ended_by(plan.row.name)

    async def enter(self, target: Start, enrolment: Enrolment) -> str:
        """Start a run that the store knows and Temporal does not, with what it has heard before.

        Args:
            target: the run.
            enrolment: the one with which it goes on.

        Returns:
            Temporal's id of the execution.

        Raises:
            RPCError: Temporal does not take it.
        """
        handle = await self._client.start_workflow(
            target.journey,
            enrolment.model_copy(update={"key": target.key}),
            id_conflict_policy=USE_EXISTING,
            rpc_timeout=CALL_TIME,
            **self._options(target, enrolment),
        )
        return _execution(handle)

    async def retell(self, target: Tell, event: Heard) -> bool:
        """Tell an open run of an event once more: it drops what it has heard.

        Returns:
            False if the run is closed.

        Raises:
            RPCError: Temporal does not take it.
        """
        handle = self._client.get_workflow_handle(target.workflow_id)
        try:
            await _twice(lambda: handle.signal(event.name, event, rpc_timeout=CALL_TIME))
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND or has_no_namespace(error):
                raise
            return False
        return True

    def _options(self, target: Start, enrolment: Enrolment) -> dict[str, Any]:
        return {
            "id": target.workflow_id,
            "task_queue": self._task_queue,
            "search_attributes": search_attributes(target.journey, enrolment.customer_id),
            "static_summary": " ".join(
                part
                for part in (
                    target.journey,
                    "for",
                    enrolment.customer_id,
                    target.key,
                    "in shadow" if enrolment.start.shadow else "",
                )
                if part
            ),
            "static_details": inspect.getdoc(self._journeys[target.journey]),
        }

    async def _start(self, target: Start, plan: Plan) -> Reached:
        event, who = plan.heard_by(target), plan.enrolment_of(target)
        options = self._options(target, who)
        if plan.ask and not target.shadow:
            begin: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
                target.journey, who, id_conflict_policy=USE_EXISTING, **options
            )
            asked = self._client.execute_update_with_start_workflow(
                "ask", event, start_workflow_operation=begin, id=event.id, result_type=Answer
            )
            answer = await _in_time(asked)
            if answer is not None:
                return Reached(_execution(await begin.workflow_handle()), answer)
        elif self._delays is not None and (found := await self._delays.of(target, who)):
            begun = await self._start_delayed(target, found, options)
            if begun is not None:
                return begun
        handle = await _twice(
            lambda: self._client.start_workflow(
                target.journey,
                who,
                start_signal=event.name,
                start_signal_args=[event],
                rpc_timeout=CALL_TIME,
                **options,
            )
        )
        return Reached(_execution(handle))

    async def _start_delayed(
        self, target: Start, found: Delay, options: Mapping[str, Any]
    ) -> Reached | None:
        """Start a run with a delay; return None if one is open already, which is to be signalled.

        The start carries its event in its argument alone: a signal that came with it would end no
        delay either, but cost an event.
        """
        try:
            handle = await _twice(
                lambda: self._client.start_workflow(
                    target.journey,
                    found.enrolment,
                    start_delay=found.lasts,
                    memo={FIRST_WAIT: found.summary},
                    id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                    rpc_timeout=CALL_TIME,
                    **options,
                )
            )
        except WorkflowAlreadyStartedError:
            return None
        return Reached(_execution(handle), delayed_until=found.until)


async def _twice(call: Callable[[], Awaitable[T]]) -> T:
    """Call, and call again if no answer comes: a run drops an event that it has heard.

    A server may lose an answer when a run continues as new at that moment; the caller would wait
    for ever.
    """
    try:
        return await call()
    except RPCError as error:
        if error.status not in (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED):
            raise
        return await call()


async def _woken(handle: WorkflowHandle[Any, Any], event: Heard) -> bool:
    """Tell a run whose start is delayed of its end by an update, which ends the delay.

    Returns:
        False if no worker has answered: a signal is heard in any case.
    """
    asked = handle.execute_update("ask", event, id=event.id, result_type=Answer)
    try:
        return await _in_time(asked, WAKE_TIME) is not None
    except WorkflowUpdateFailedError:  # the run has ended over something else
        return False


async def _in_time(asked: Awaitable[Answer], within: timedelta | None = None) -> Answer | None:
    """Return the answer; None if it is late: no worker runs, or a message is on its way."""
    try:
        async with asyncio.timeout((within or ANSWER_TIME).total_seconds()):
            return await asked
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
        return None


def _execution(handle: WorkflowHandle[Any, Any]) -> str:
    run_id = handle.first_execution_run_id or handle.result_run_id
    assert run_id is not None
    return run_id


def has_no_namespace(error: RPCError) -> bool:
    """Tell whether the namespace was not found, not the run."""
    if error.status is not RPCStatusCode.NOT_FOUND:
        return False
    kind: str = NamespaceNotFoundFailure.DESCRIPTOR.full_name
    return any(detail.type_url.endswith(kind) for detail in error.grpc_status.details)
