"""`JourneyTest`: one customer, the real engine, a clock that is yours."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from google.protobuf.empty_pb2 import Empty
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.testservice.v1 import SleepRequest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode

from sojourn.dispatch import Published, Sojourn
from sojourn.dispatch.outcomes import enrolments
from sojourn.domain.customer import read_identity
from sojourn.domain.errors import Unavailable
from sojourn.domain.events import Event
from sojourn.domain.messages import Channel
from sojourn.domain.states import MessageState
from sojourn.journeys.journey import Journey
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store, ledger, runs
from sojourn.store.tables import LedgerRow

MONDAY_NOON = datetime(2024, 1, 8, 12, tzinfo=UTC)
IDLE_SECONDS = 30.0
ANSWER_TIME = timedelta(seconds=2)
TASK_TIME = timedelta(seconds=1)
"""What a run's task may take; a timer this close is waited for."""

EVERYTHING = {
    "firstName": "Ada",
    "email": "ada@shop.example",
    "phone": "+393201234567",
    "pushToken": "token-of-ada",
    "locale": "en-GB",
    "timezone": "Europe/Rome",
    "marketingConsent": dict.fromkeys(Channel, True),
}
"""Traits of the customer a test begins with: reachable everywhere, agreed to everything."""

_LEFT_BY_A_TASK = frozenset(
    {
        EventType.EVENT_TYPE_MARKER_RECORDED,
        EventType.EVENT_TYPE_TIMER_CANCELED,
        EventType.EVENT_TYPE_TIMER_STARTED,
        EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED,
        EventType.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED,
    }
)
"""What a task of a run that sleeps may have left behind it in the history."""


class JourneyTest:
    """A journey under test. Made by the ``journey`` fixture.

    Attributes:
        customer_id: the customer of this test.
        sent: steps that were sent, in order.
        skipped: ``(step, reason)`` of those that were not.
        outcome: how the newest run ended; ``open`` while it goes on; None before the first.
        outcomes: of every enrolment so far.
    """

    def __init__(
        self,
        client: Client,
        store: Store,
        settings: Settings,
        task_queue: str,
        customer_id: str,
        *,
        project: Project,
    ) -> None:
        self.client = client
        self.store = store
        self.settings = settings
        self.project = project
        self.customer_id = customer_id
        self.sent: list[str] = []
        self.skipped: list[tuple[str, str]] = []
        self.outcomes: list[str] = []
        self._task_queue = task_queue
        self._traits: dict[str, Any] = dict(EVERYTHING)
        self._identified = 0
        self._begin = MONDAY_NOON
        self._sojourn: Sojourn | None = None

    # ---- before the first event ------------------------------------------------------------

    def begin_at(self, moment: datetime) -> None:
        """Let the test begin at this moment instead of noon (UTC) on Monday, 8 January 2024."""
        if self._sojourn is not None:
            raise RuntimeError("begin_at comes before the first event")
        self._begin = moment

    # ---- the verbs -------------------------------------------------------------------------

    async def identify(self, **traits: Any) -> None:
        """Change the customer: ``identify(phone="", marketingConsent={"email": False})``."""
        sojourn = await self._ready()
        await self._say(sojourn, traits)

    async def start(self, journey: type[Journey], **fields: Any) -> Published:
        """Start the journey by its first ``starts_on`` event; ids that you leave out are made."""
        return await self.publish(journey.terms.starts_on[0], **fields)

    async def publish(
        self, event: Event | type[Event], *, ask: bool = False, **fields: Any
    ) -> Published:
        """Publish an event of this customer, now; give an event, or its class and fields.

        Args:
            event: what happens.
            ask: have each run say what the event did to it (`Published.effects`).
            fields: of the event; ids that you leave out are made.
        """
        sojourn = await self._ready()
        if isinstance(event, Event):
            made = event
            if "occurred_at" not in event.model_fields_set:
                made = event.model_copy(update={"occurred_at": await self.now()})
        else:
            given = {"customer_id": self.customer_id, "occurred_at": await self.now(), **fields}
            made = event(**{**_made_up(event), **given})
        published = await sojourn.publish(made, ask=ask)
        await self.settled()
        return published

    async def after(self, duration: timedelta) -> None:
        """Let time pass; everything that falls due meanwhile happens, in order."""
        await self._ready()
        request = SleepRequest()
        request.duration.FromTimedelta(duration)
        await self.client.test_service.unlock_time_skipping_with_sleep(request)
        await self.settled()

    async def until(self, moment: datetime) -> None:
        """Let time pass up to a moment."""
        await self.after(moment - await self.now())

    # ---- what happened ---------------------------------------------------------------------

    @property
    def outcome(self) -> str | None:
        """How the newest run ended, ``open``, or None."""
        return self.outcomes[-1] if self.outcomes else None

    async def now(self) -> datetime:
        """The journeys' clock."""
        return await self._server_time() + (await self._ready()).clock

    async def messages(self) -> list[LedgerRow]:
        """The ledger of this customer, oldest first."""
        async with self.store.reading() as session:
            return list(await ledger.of_customer(session, self.customer_id))

    async def content(self, step: str) -> Mapping[str, Any]:
        """What the newest message of a step said."""
        async with self.store.reading() as session:
            for row, kept in await ledger.outbox(session, customer_id=self.customer_id):
                if row.step == step:
                    return kept.content
        raise KeyError(f'nothing was sent for "{step}"; sent: {self.sent}')

    async def history(self) -> WorkflowHistory:
        """The Temporal history of the newest execution, for replay tests."""
        handle = (await self._handles())[-1]
        return await self.client.get_workflow_handle(handle.id).fetch_history()

    async def histories(self) -> list[WorkflowHistory]:
        """The Temporal histories of all executions, oldest first."""
        async with self.store.reading() as session:
            started = await runs.of_customer(session, self.customer_id)
        found: dict[str, WorkflowHistory] = {}
        for run in started:
            async for ended in enrolments(self.client, run.workflow_id, run.run_id):
                handle = self.client.get_workflow_handle(run.workflow_id, run_id=ended.run_id)
                if ended.run_id not in found:
                    found[ended.run_id] = await handle.fetch_history()
        return list(found.values())

    async def stop(self, reason: str) -> None:
        """Stop the newest run, as an operator does."""
        await (await self._handles())[-1].execute_update("stop", reason)
        await self.settled()

    async def status(self) -> dict[str, Any]:
        """What the newest run says of itself."""
        answer: dict[str, Any] = await (await self._handles())[-1].query("status")
        return answer

    # ---- inside ----------------------------------------------------------------------------

    async def settled(self) -> None:
        """Wait until every run of the customer sleeps or has ended; then read what happened.

        Raises:
            Unavailable: a run is still busy after half a minute; its state is in the message.
        """
        deadline = asyncio.get_running_loop().time() + IDLE_SECONDS
        for handle in await self._handles():
            while (busy := await self._answered(partial(self._busy, handle))) is not None:
                if asyncio.get_running_loop().time() > deadline:
                    raise Unavailable(f"{handle.id} does not come to rest: {busy}")
                await asyncio.sleep(0.002)
        while await self._answered(self._read) is not None:
            if asyncio.get_running_loop().time() > deadline:
                raise Unavailable("the test server does not say how the runs ended")

    @staticmethod
    async def _answered(ask: Callable[[], Awaitable[str | None]]) -> str | None:
        """What was answered; the test server now and then never does, and must be asked again."""
        try:
            async with asyncio.timeout(2 * ANSWER_TIME.total_seconds()):
                return await ask()
        except TimeoutError:
            return "it does not answer"

    async def stop_all(self) -> None:
        """Terminate what is still open, so that it does not slow the next test's clock.

        Only what is at rest: a run that is ended in the middle of a task would stop the test
        server's clock for good.
        """
        await self.settled()
        for handle in await self._handles():
            try:
                await handle.terminate("the test is over")
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise

    async def _ready(self) -> Sojourn:
        if self._sojourn is None:
            self._sojourn = Sojourn(
                self.client,
                self.store,
                self.settings,
                self.project,
                task_queue=self._task_queue,
                now=lambda: datetime.max.replace(tzinfo=UTC),
                clock=self._begin - await self._server_time(),
            )
            await self._say(self._sojourn, {})
        return self._sojourn

    async def _say(self, sojourn: Sojourn, traits: Mapping[str, Any]) -> None:
        self._identified += 1
        said = traits if self._identified > 1 else {**self._traits, **traits}
        await sojourn.identify(
            read_identity(
                said,
                customer_id=self.customer_id,
                message_id=f"identify-{self.customer_id}-{self._identified}",
                at=await self.now(),
            )
        )

    async def _server_time(self) -> datetime:
        answer = await self.client.test_service.get_current_time(Empty())
        return answer.time.ToDatetime(tzinfo=UTC)

    async def _handles(self) -> list[WorkflowHandle[Any, Any]]:
        async with self.store.reading() as session:
            started = await runs.of_customer(session, self.customer_id)
        ids = dict.fromkeys(run.workflow_id for run in started)
        return [self.client.get_workflow_handle(workflow_id) for workflow_id in ids]

    async def _busy(self, handle: WorkflowHandle[Any, Any]) -> str | None:
        """What the run is at, or None if it sleeps or has ended.

        Its history tells; it is not asked. A query that comes in the moment a run continues as new
        can stop the test server for good.
        """
        description = await handle.describe()
        if description.status is not WorkflowExecutionStatus.RUNNING:
            return None
        events = (await handle.fetch_history()).events
        for event in reversed(events):
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
                break
            if event.event_type not in _LEFT_BY_A_TASK:
                return f"its last event is {EventType.Name(events[-1].event_type)}"
        fires = _next_timer(events)
        # a timer begins when its task is done, a moment after the run has reckoned with
        due = fires - TASK_TIME if fires is not None else None
        return None if due is not None and due > await self._server_time() else "it goes on"

    async def _read(self) -> None:
        messages = await self.messages()
        self.sent = [row.step for row in messages if row.state is MessageState.SENT]
        self.skipped = [
            (row.step, str(row.reason)) for row in messages if row.state is MessageState.SKIPPED
        ]
        async with self.store.reading() as session:
            started = await runs.of_customer(session, self.customer_id)
        seen: set[str] = set()
        self.outcomes = []
        for run in started:
            async for ended in enrolments(self.client, run.workflow_id, run.run_id):
                if ended.run_id not in seen:
                    seen.add(ended.run_id)
                    self.outcomes.append(ended.outcome)


def _next_timer(events: Sequence[HistoryEvent]) -> datetime | None:
    """When the first of the timers that run will fire; None if none runs."""
    over = {event.timer_fired_event_attributes.started_event_id for event in events}
    over |= {event.timer_canceled_event_attributes.started_event_id for event in events}
    return min(
        (
            event.event_time.ToDatetime(tzinfo=UTC)
            + event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta()
            for event in events
            if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED and event.event_id not in over
        ),
        default=None,
    )


def _made_up(event: type[Event]) -> dict[str, str]:
    """Ids for the required fields of an event that a test does not care about."""
    return {
        name: f"{name}-1"
        for name, field in event.model_fields.items()
        if field.annotation is str and (field.is_required() or name.endswith("_id"))
        if name != "message_id"
    }
