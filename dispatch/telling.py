"""Telling runs of an event: by a signal, or by a start that brings the signal along."""

import inspect

from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from dispatch.planning import Plan
from dispatch.routing import Start, Target
from domain.errors import TemporalUnavailable
from domain.messages import Enrolment, Heard
from workflows.journey import search_attributes
from workflows.registry import journeys

_AWAY = (
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.CANCELLED,
    RPCStatusCode.RESOURCE_EXHAUSTED,
)


class Teller:
    """Signals and starts runs.

    Args:
        client: a Temporal client with the pydantic data converter.
        task_queue: of the journeys.
    """

    def __init__(self, client: Client, task_queue: str) -> None:
        self._client = client
        self._task_queue = task_queue

    async def reach(self, target: Target, plan: Plan) -> str | None:
        """Signal or start one run; give back the execution that a start met or made.

        A run that is open as far as the store knows is signalled: that costs less than a start,
        and only if it has closed meanwhile is it started anew.

        Returns:
            The execution, if one was started; an empty text, if a run was told; None, if there is
            no open run to tell.

        Raises:
            TemporalUnavailable: it could not be told now.
        """
        try:
            known = target.workflow_id in plan.open_runs or not isinstance(target, Start)
            if known and await self._signal(target, plan.enrolment.start):
                return ""
            return await self._start(target, plan.enrolment) if isinstance(target, Start) else None
        except RPCError as error:
            if self._has_no_namespace(error):
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

    async def _signal(self, target: Target, event: Heard) -> bool:
        """Signal a run; False if it is closed, which is news, not an error."""
        try:
            await self._client.get_workflow_handle(target.workflow_id).signal(event.name, event)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND and not self._has_no_namespace(error):
                return False
            raise
        return True

    async def _start(self, target: Start, enrolment: Enrolment) -> str:
        journey = journeys()[target.journey]
        event = enrolment.start
        handle = await self._client.start_workflow(
            target.journey,
            enrolment.model_copy(update={"key": target.key}),
            id=target.workflow_id,
            task_queue=self._task_queue,
            start_signal=event.name,
            start_signal_args=[event],
            search_attributes=search_attributes(target.journey, enrolment.customer_id),
            static_summary=" ".join(
                part for part in (target.journey, "for", enrolment.customer_id, target.key) if part
            ),
            static_details=inspect.getdoc(journey),
        )
        run_id = handle.first_execution_run_id or handle.result_run_id
        assert run_id is not None
        return run_id

    @staticmethod
    def _has_no_namespace(error: RPCError) -> bool:
        """Whether it is the namespace that was not found, not the run."""
        if error.status is not RPCStatusCode.NOT_FOUND:
            return False
        kind: str = NamespaceNotFoundFailure.DESCRIPTOR.full_name
        return any(detail.type_url.endswith(kind) for detail in error.grpc_status.details)
