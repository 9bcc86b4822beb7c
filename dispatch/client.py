"""`Sojourn`: what services hold. ``await sojourn.publish(event)`` and the journeys know."""

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from dispatch import aliasing, connection, routing
from dispatch.routing import Start, Target
from domain.customer import Customer, Identity, home_zone
from domain.errors import BadEvent, TemporalUnavailable
from domain.events import Event, UnknownEvent, check_track, known_events, read_event
from domain.messages import Enrolment, Reason
from settings import Settings, load_settings
from store import Store, customers, events, ledger, runs
from store.tables import EventRow, RunRow
from workflows.journey import TASK_QUEUE, Journey, search_attributes
from workflows.registry import journeys

if TYPE_CHECKING:
    from dispatch.calls import Alias

log = logging.getLogger("sojourn.dispatch")

SWEEP_AFTER = timedelta(seconds=10)
SWEEP_BATCH = 500
_AWAY = (
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.CANCELLED,
    RPCStatusCode.RESOURCE_EXHAUSTED,
)


@dataclass(frozen=True)
class Published:
    """What became of a published event.

    Args:
        message_id: its id.
        stored: False if the same id was stored before; then nothing new happened.
        runs: the runs that were started or told, by workflow id.
    """

    message_id: str
    stored: bool
    runs: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Plan:
    """An event that is stored, and whom to tell of it."""

    row: EventRow
    targets: tuple[Target, ...]
    enrolment: Enrolment
    open_runs: dict[str, list[int]]


class Sojourn:
    """Takes customer events and identify calls. Safe to share between tasks.

    Args:
        client: a Temporal client with the pydantic data converter (`dispatch.connection`).
        store: an open store.
        settings: of this installation.
        task_queue: of the journeys.
        now: the clock by which events arrive; another one only in time travel.
        clock: the journeys' clock minus Temporal's; zero but in time travel.
    """

    def __init__(
        self,
        client: Client,
        store: Store,
        settings: Settings,
        *,
        task_queue: str = TASK_QUEUE,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: timedelta = timedelta(0),
    ) -> None:
        self.client = client
        self.store = store
        self.settings = settings
        self.task_queue = task_queue
        self.now = now
        self.clock = clock

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings | None = None) -> AsyncIterator[Self]:
        """Connect to the store and to Temporal as the environment says.

        Raises:
            BadSetting: an environment variable makes no sense.
            StoreUnavailable: the database cannot be opened, or is of another version.
            TemporalUnavailable: no server answers.
        """
        settings = settings or load_settings()
        store = await Store.open(settings.store_url)
        try:
            yield cls(await connection.connect(settings), store, settings)
        finally:
            await store.close()

    async def identify(self, identity: Identity) -> Customer:
        """Make or update a customer; record what they consent to."""
        async with self.store.transaction() as session:
            return await customers.identify(session, identity)

    async def alias(self, alias: "Alias") -> None:
        """Join two ids that are one person: history, consents, addresses and open runs follow.

        Raises:
            TemporalUnavailable: they are joined, but runs could not be told yet; the sweep of any
                worker will, and so does the same call again.
        """
        customer_id = await aliasing.join(
            self.store,
            alias.previous_id,
            alias.customer_id,
            at=alias.at,
            void_holds=self._void_holds,
        )
        await self._route(customer_id)

    async def track(
        self,
        name: str,
        properties: Mapping[str, Any],
        *,
        message_id: str,
        customer_id: str,
        occurred_at: datetime | str,
    ) -> Published:
        """Take in an event by its wire name; one that no class describes is stored and ignored.

        Raises:
            BadEvent: it does not validate; the path names the field.
            TemporalUnavailable: as for `publish`.
        """
        check_track(name, properties)
        known = known_events().get(name, UnknownEvent)
        event = read_event(
            known, properties, message_id=message_id, customer_id=customer_id, at=occurred_at
        )
        return await self._take_in(event, name, properties)

    async def publish(self, event: Event) -> Published:
        """Take an event in. When this returns, no later claim of a message can miss it.

        The event is stored first, then runs are told. Publishing the same message id again does no
        harm, and finishes what an earlier call could not.

        Raises:
            BadEvent: a text in it is no Unicode, or it is too large.
            TemporalUnavailable: the event is stored, but runs could not be told yet; the sweep of
                any worker will, and so does publishing it again.
        """
        properties = event.properties()
        check_track(event.event_name, properties)
        return await self._take_in(event, event.event_name, properties)

    async def sweep(self) -> int:
        """Route events that a crash left between their row and their signals.

        Returns:
            How many events were routed.

        Raises:
            TemporalUnavailable: nobody can be told now.
        """
        async with self.store.reading() as session:
            left = await events.left_unrouted(
                session, before=datetime.now(UTC) - SWEEP_AFTER, limit=SWEEP_BATCH
            )
        routed = 0
        for customer_id in left:
            try:
                routed += await self._route(customer_id)
            except RPCError as error:  # Temporal is there and refuses this one: on to the next
                log.error("an event of %s cannot be routed: %s", customer_id, error)
        return routed

    async def _route(self, customer_id: str) -> int:
        """Tell the runs concerned of every event that is left; how many there were."""
        routed = 0
        async with self.store.transaction() as session:
            customer = await customers.lock(session, customer_id)
            plan = await self._next_plan(session, customer.customer_id)
        while plan is not None:
            _, plan = await self._carry_out(plan)
            routed += 1
        return routed

    async def _take_in(self, event: Event, name: str, properties: Mapping[str, Any]) -> Published:
        heard = bool(routing.heard_by(event))
        arrived = self.now()
        async with self.store.transaction() as session:
            customer = await customers.lock(session, event.customer_id)
            row, stored = await events.add(
                session,
                EventRow(
                    message_id=event.message_id,
                    customer_id=customer.customer_id,
                    name=name,
                    # a sender's clock that runs ahead must not put the event after what follows
                    occurred_at=min(event.occurred_at, arrived),
                    received_at=datetime.now(UTC),
                    routed_at=None if heard else arrived,
                    properties=dict(properties),
                ),
            )
            plan = None
            if row.routed_at is None:
                if stored:
                    await self._void_holds(session, row)
                plan = await self._next_plan(session, row.customer_id, up_to=row.seq)
        told: tuple[str, ...] = ()
        while plan is not None:
            about = plan.row.seq
            reached, plan = await self._carry_out(plan, up_to=row.seq)
            told = reached if about == row.seq else ()  # events before it may have come first
        return Published(row.message_id, stored, told)

    async def _next_plan(
        self, session: AsyncSession, customer_id: str, *, up_to: int | None = None
    ) -> _Plan | None:
        """Whom to tell of the customer's oldest event that is not routed yet.

        Older events go first, also those that another publisher is about to route: a run is never
        told of an event before the event that starts it. Routing twice does no harm.
        """
        for row in await events.unrouted(session, customer_id, up_to=up_to):
            try:
                event = events.typed(row)
            except BadEvent as error:  # its class has become stricter; it waits to be mended
                log.warning("the stored event %s cannot be read: %s", row.message_id, error)
                continue
            open_runs = await runs.maybe_open(session, customer_id)
            over = [
                name
                for name, journey in routing.heard_by(event).items()
                if routing.starts(journey, event)
                and await self._is_over(session, journey, event, row)
            ]
            targets = routing.targets(event, open_runs, over=over, sent_as=row.sent_as)
            if targets:
                card = await customers.find(session, customer_id)
                assert card is not None, "the caller holds the customer's lock"
                ids: dict[str, list[int]] = {}
                for run in open_runs:
                    assert run.id is not None
                    ids.setdefault(run.workflow_id, []).append(run.id)
                enrolment = Enrolment(
                    customer_id=customer_id,
                    start=events.heard(row),
                    timezone=home_zone(card, self.settings.timezone),
                    clock=self.clock,
                )
                return _Plan(row, tuple(targets), enrolment, ids)
            assert row.seq is not None
            await events.mark_routed(session, [row.seq], datetime.now(UTC))
        return None

    async def _is_over(
        self, session: AsyncSession, journey: type[Journey], event: Event, row: EventRow
    ) -> bool:
        """Whether the goal was reached after this start already (it arrived late)."""
        assert row.seq is not None
        goals = [goal.event_name for goal in journey.goal]
        return bool(
            await events.newer(
                session,
                row.customer_id,
                goals,
                than=(row.occurred_at, row.seq),
                key_field=journey.key,
                key=routing.key_of(journey, event),
            )
        )

    async def _void_holds(self, session: AsyncSession, row: EventRow) -> None:
        """Settle what is held for quiet hours in runs that this event ends."""
        event = events.typed(row)
        for name, journey in routing.heard_by(event).items():
            reason = (
                Reason.GOAL_REACHED
                if type(event) in journey.goal
                else Reason.RUN_STOPPED
                if type(event) in journey.ends_on
                else None
            )
            if reason is None:
                continue
            ended = [
                run.workflow_id
                for run in await runs.maybe_open(session, row.customer_id)
                if run.journey == name and events.concerns(row, journey.key, run.key)
            ]
            if ended:
                await ledger.void_holds(session, ended, reason=reason.value, cause=row)

    async def _carry_out(
        self, plan: _Plan, *, up_to: int | None = None
    ) -> tuple[tuple[str, ...], _Plan | None]:
        """Tell the runs of one event, note that, and plan the customer's next one.

        Returns:
            The runs that heard it, and the plan.
        """
        answers = await asyncio.gather(
            *(self._reach(target, plan) for target in plan.targets), return_exceptions=True
        )
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        reached: list[str] = []
        closed: list[int] = []
        started: list[RunRow] = []
        for target, run_id in zip(plan.targets, answers, strict=True):
            if run_id is not None:
                reached.append(target.workflow_id)
            if isinstance(target, Start):
                assert isinstance(run_id, str)
                started.append(self._run_row(target, plan, run_id))
            elif run_id is None:
                closed += plan.open_runs.get(target.workflow_id, [])
        async with self.store.transaction() as session:
            row = plan.row
            assert row.seq is not None
            last = up_to is not None and row.seq >= up_to
            customer_id = row.customer_id
            if started or not last:
                # before any other row of theirs: an alias call takes them in this order, too. The
                # customer may have been joined to another id since the plan was made
                customer_id = (await customers.lock(session, customer_id)).customer_id
            for run in started:
                run.customer_id = customer_id
            await events.mark_routed(session, [row.seq], datetime.now(UTC))
            await runs.add(session, started)
            await runs.mark_closed(session, closed, datetime.now(UTC))
            if last:
                return tuple(reached), None
            return tuple(reached), await self._next_plan(session, customer_id, up_to=up_to)

    async def _reach(self, target: Target, plan: _Plan) -> str | None:
        """Signal or start one run; give back its execution, or None if it is closed."""
        event = plan.enrolment.start
        try:
            if isinstance(target, Start):
                return await self._start(target, plan.enrolment)
            handle = self.client.get_workflow_handle(target.workflow_id)
            await handle.signal(event.name, event)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND and not isinstance(target, Start):
                return None  # the run has ended: news, not an error
            if error.status in _AWAY:
                raise TemporalUnavailable(
                    f"the event {event.id} is stored, but Temporal does not answer "
                    f"({error.status.name.lower()}): it will be routed once it does"
                ) from None
            raise
        return target.workflow_id

    async def _start(self, target: Start, enrolment: Enrolment) -> str:
        journey = journeys()[target.journey]
        event = enrolment.start
        handle = await self.client.start_workflow(
            target.journey,
            enrolment.model_copy(update={"key": target.key}),
            id=target.workflow_id,
            task_queue=self.task_queue,
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
    def _run_row(target: Start, plan: _Plan, run_id: str) -> RunRow:
        return RunRow(
            workflow_id=target.workflow_id,
            run_id=run_id,
            journey=target.journey,
            customer_id=plan.row.customer_id,
            key=target.key,
            enrolment=plan.row.message_id,
            started_at=plan.row.occurred_at,
        )
