"""Taking events in: many in one transaction, each customer's in their order.

Whoever publishes while a transaction is under way joins the next one, so that under load a hundred
events cost hardly more than one, and without load nobody waits for company. What a transaction
stores is routed by lanes, one a customer: tell the runs of the oldest event, note that (in one of
the next transactions), go on to the next.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.dispatch import routing
from sojourn.dispatch.planning import Known, Plan, names_since, next_plan, readable
from sojourn.dispatch.routing import Start
from sojourn.dispatch.telling import Teller
from sojourn.domain.errors import StoreUnavailable
from sojourn.domain.events import Event
from sojourn.domain.messages import Answer, Reason
from sojourn.journeys.journey import Journey
from sojourn.journeys.registry import Journeys
from sojourn.journeys.terms import names
from sojourn.project import Project
from sojourn.store import Store, events, people, runs, settling
from sojourn.store.tables import CustomerRow, EventRow, RunRow

log = logging.getLogger("sojourn.dispatch")

BATCH = 200
NOBODY: Mapping[str, Answer | None] = MappingProxyType({})
LOCK_TIMEOUT_MS = 1000  # one customer whose row somebody holds must not keep all others waiting


@dataclass(frozen=True)
class Published:
    """What became of a published event.

    Args:
        message_id: its id.
        stored: False if the same id was stored before; then nothing new happened.
        runs: the runs that were started or told, by workflow id.
        effects: what the event did to them, if it was asked; None for a run that did not answer in
            time: it has the event, or will have it.
    """

    message_id: str
    stored: bool
    runs: tuple[str, ...] = ()
    effects: Mapping[str, Answer | None] = field(default_factory=dict)


@dataclass(eq=False)
class _Arrival:
    """An event to store; ``event`` is None if no journey listens to its kind."""

    row: EventRow
    event: Event | None
    ask: bool
    done: "asyncio.Future[Published]"


@dataclass(eq=False)
class _Wake:
    """A customer whose stored events are to be routed."""

    customer_id: str
    done: "asyncio.Future[int]"


@dataclass(eq=False)
class _Told:
    """A plan that was carried out."""

    lane: "_Lane"
    plan: Plan
    reached: dict[str, Answer | None]
    started: list[RunRow]
    closed: list[int]

    @property
    def missed(self) -> tuple[int, ...]:
        """The events that a run was started too late to hear of: it is told now."""
        return self.plan.missed if self.started else ()


@dataclass(eq=False)
class _Lane:
    """A customer's events on their way to the runs; there is one as long as any are."""

    customer_id: str
    carrying: bool = False
    """Runs are being told; what comes next is planned when they were."""
    up_to: int = 0
    """The newest event that somebody here waits for."""
    waiting: list[tuple[int, _Arrival, bool]] = field(default_factory=list)
    wakes: list[_Wake] = field(default_factory=list)
    routed: int = 0

    def passed(self, seq: int, reached: Mapping[str, Answer | None] = NOBODY) -> None:
        """Answer those whose events have been routed, up to ``seq``, which reached these runs."""
        for number, arrival, stored in [w for w in self.waiting if w[0] <= seq]:
            told = reached if number == seq else NOBODY
            effects = told if arrival.ask else NOBODY
            _answer(arrival.done, Published(arrival.row.message_id, stored, tuple(told), effects))
        self.waiting = [w for w in self.waiting if w[0] > seq]

    def fail(self, error: BaseException) -> None:
        """Answer everybody that it cannot go on; what is stored is routed another time."""
        asked: list[asyncio.Future[Any]] = [arrival.done for _, arrival, _ in self.waiting]
        for done in [*asked, *(wake.done for wake in self.wakes)]:
            if not isinstance(error, Exception):
                done.cancel()  # the process is about to end
            elif not done.done():
                done.set_exception(error)


_Work = _Arrival | _Wake | _Told


class Intake:
    """The one way into the store for events of this process.

    Args:
        store: open.
        teller: starts and tells runs.
        project: its journeys and events.
        timezone: of customers of whom nothing tells one.
        clock: the journeys' clock minus Temporal's; zero but in time travel.
    """

    def __init__(
        self,
        store: Store,
        teller: Teller,
        project: Project,
        *,
        timezone: str,
        clock: timedelta,
    ) -> None:
        self._store = store
        self._teller = teller
        self._project = project
        self._timezone = timezone
        self._clock = clock
        self._queue: list[_Work] = []
        self._lanes: dict[str, _Lane] = {}
        self._working = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(self, row: EventRow, event: Event | None, *, ask: bool = False) -> Published:
        """Store an event and tell the runs that it concerns.

        Args:
            row: the event; routed already if no journey listens to it.
            event: the same, typed; None if no journey listens to it.
            ask: whether to ask the runs what it did.
        """
        arrival = _Arrival(row, event, ask, asyncio.get_running_loop().create_future())
        self._put(arrival)
        return await arrival.done

    async def wake(self, customer_id: str) -> int:
        """Route what a crash left unrouted; give back how many events that were."""
        wake = _Wake(customer_id, asyncio.get_running_loop().create_future())
        self._put(wake)
        return await wake.done

    async def drain(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    # ---- transactions --------------------------------------------------------------------------

    def _put(self, work: _Work) -> None:
        self._queue.append(work)
        if not self._working:
            self._working = True
            self._spawn(self._work())

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("taking events in has failed", exc_info=error)

    async def _work(self) -> None:
        try:
            while self._queue:
                batch, self._queue = self._queue[:BATCH], self._queue[BATCH:]
                await self._commit(batch)
        finally:
            self._working = False

    async def _commit(self, batch: Sequence[_Work]) -> None:
        """One transaction for all; if it fails, one for each customer, and at last for each event.

        What one event or one customer's lock is to blame for must not befall the others.
        """
        try:
            transaction = _Transaction(self._lanes, self._project, self._timezone, self._clock)
            async with self._store.transaction() as session:
                await transaction.run(session, batch, patient=len(batch) == 1)
        except Exception as error:
            if len(batch) == 1 or _is_lost(error):
                for work in batch:
                    self._fail(work, _named(error))
                return
            parts: dict[str, list[_Work]] = {}
            for work in batch:
                parts.setdefault(_customer_of(work), []).append(work)
            for part in parts.values():
                self._spawn(self._one_by_one([part] if len(parts) > 1 else [[w] for w in part]))
        else:
            self._go_on(batch, transaction)

    async def _one_by_one(self, parts: Iterable[Sequence[_Work]]) -> None:
        for part in parts:
            await self._commit(part)

    def _fail(self, work: _Work, error: Exception) -> None:
        lane = work.lane if isinstance(work, _Told) else self._lanes.get(_customer_of(work))
        if lane is not None and (isinstance(work, _Told) or not lane.carrying):
            del self._lanes[lane.customer_id]
            lane.fail(error)
        if not isinstance(work, _Told) and not work.done.done():
            work.done.set_exception(error)

    # ---- lanes ---------------------------------------------------------------------------------

    def _go_on(self, batch: Sequence[_Work], did: "_Transaction") -> None:
        """Answer what is done, and set the lanes going."""
        fresh: dict[str, None] = {}
        for work in batch:
            match work:
                case _Arrival():
                    row, stored = did.rows[work]
                    work.row = row
                    if row.routed_at is not None:
                        _answer(work.done, Published(row.message_id, stored))
                        continue
                    lane = self._lane(row.customer_id)
                    assert row.seq is not None
                    lane.waiting.append((row.seq, work, stored))
                    lane.up_to = max(lane.up_to, row.seq)
                    fresh[row.customer_id] = None
                case _Wake():
                    lane = self._at_home(self._lane(work.customer_id), did)
                    lane.wakes.append(work)
                    fresh[lane.customer_id] = None
                case _Told():
                    work.lane.carrying = False
                    work.lane.routed += 1
                    work.lane.passed(work.plan.seq, work.reached)
                    fresh[self._at_home(work.lane, did).customer_id] = None
        for customer_id in fresh:
            lane = self._lanes[customer_id]
            if not lane.carrying:  # else it comes to these events by itself
                self._next(lane, did)

    def _next(self, lane: _Lane, did: "_Transaction") -> None:
        """Set the lane going, or end it."""
        plan = did.plans.get(lane.customer_id)
        if plan is not None:
            lane.carrying = True
            lane.passed(plan.seq - 1)
            self._spawn(self._carry_out(lane, plan))
        elif lane.up_to > did.horizon.get(lane.customer_id, 0):
            # stored since this transaction looked, or while a lane went that has failed
            self._put(_Wake(lane.customer_id, asyncio.get_running_loop().create_future()))
        else:
            lane.passed(lane.up_to)
            for wake in lane.wakes:
                _answer(wake.done, lane.routed)
            del self._lanes[lane.customer_id]

    def _lane(self, customer_id: str) -> _Lane:
        return self._lanes.setdefault(customer_id, _Lane(customer_id))

    def _at_home(self, lane: _Lane, did: "_Transaction") -> _Lane:
        """The lane of the person, who may have been joined to another id meanwhile."""
        customer_id = did.joined(lane.customer_id)
        if customer_id == lane.customer_id or lane.carrying:
            return lane
        home = self._lane(customer_id)
        home.waiting += lane.waiting
        home.wakes += lane.wakes
        home.up_to = max(home.up_to, lane.up_to)
        del self._lanes[lane.customer_id]
        return home

    async def _carry_out(self, lane: _Lane, plan: Plan) -> None:
        """Tell the runs of one event."""
        ask = any(arrival.ask for seq, arrival, _ in lane.waiting if seq == plan.seq)
        plan = replace(plan, ask=ask)
        answers = await asyncio.gather(
            *(self._teller.reach(target, plan) for target in plan.targets), return_exceptions=True
        )
        for answer in answers:
            if isinstance(answer, BaseException):
                del self._lanes[lane.customer_id]
                lane.fail(answer)
                return
        reached: dict[str, Answer | None] = {}
        closed: list[int] = []
        started: list[RunRow] = []
        for target, answer in zip(plan.targets, answers, strict=True):
            assert not isinstance(answer, BaseException)
            if answer is not None:
                reached[target.workflow_id] = answer.answer
            if answer is None or answer.execution:
                closed += plan.open_runs.get(target.workflow_id, [])
            if answer is not None and answer.execution and isinstance(target, Start):
                started.append(_run_row(target, plan, answer.execution))
        self._put(_Told(lane, plan, reached, started, closed))


class _Transaction:
    """What one transaction does for all that waited for it.

    Attributes:
        rows: each arrival's row, and whether it is new.
        plans: the next thing to do, by customer.
        horizon: by customer, the newest event that was looked at.
    """

    def __init__(
        self, lanes: dict[str, _Lane], project: Project, timezone: str, clock: timedelta
    ) -> None:
        self.rows: dict[_Arrival, tuple[EventRow, bool]] = {}
        self.plans: dict[str, Plan] = {}
        self.horizon: dict[str, int] = {}
        self._lanes = lanes
        self._project = project
        self._timezone = timezone
        self._clock = clock
        self._cards: dict[str, CustomerRow] = {}

    def joined(self, customer_id: str) -> str:
        """The id that this one leads to since an alias call; itself if that was not looked up."""
        row = self._cards.get(customer_id)
        return row.customer_id if row else customer_id

    async def run(self, session: AsyncSession, batch: Sequence[_Work], *, patient: bool) -> None:
        """Store, note what was told, and plan what is next.

        Args:
            session: in a transaction that writes.
            batch: what to do.
            patient: wait as long as it takes for a customer's lock.
        """
        arrivals = [work for work in batch if isinstance(work, _Arrival)]
        wakes = [work for work in batch if isinstance(work, _Wake)]
        told = [work for work in batch if isinstance(work, _Told)]
        if not patient and session.get_bind().dialect.name == "postgresql":
            connection = await session.connection()
            await connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}"))
        going_on = [work.lane.customer_id for work in told if work.plan.seq < work.lane.up_to]
        going_on += [work.lane.customer_id for work in told if work.lane.wakes or work.missed]
        # also whose run was started: the customer may have been joined to another id since
        concerned = [work.lane.customer_id for work in told if work.started]
        concerned += [work.row.customer_id for work in arrivals]
        concerned += [work.customer_id for work in wakes]
        # before any other row of theirs: an alias call takes them in this order, too
        if concerned or going_on:
            self._cards = await people.lock_all(session, [*concerned, *going_on])
        if arrivals:
            for work in arrivals:
                work.row.customer_id = self.joined(work.row.customer_id)
            kept = await events.add_all(session, [work.row for work in arrivals])
            self.rows = dict(zip(arrivals, kept, strict=True))
        if told:
            now = datetime.now(UTC)
            for done in told:
                for row in done.started:
                    row.customer_id = self.joined(row.customer_id)
            await events.mark_routed(session, [work.plan.seq for work in told], now)
            await events.mark_routed(session, [seq for work in told for seq in work.missed], None)
            await runs.add(session, [row for work in told for row in work.started])
            await runs.mark_closed(session, [i for work in told for i in work.closed], now)
        unrouted = {row.customer_id for row, _ in self.rows.values() if row.routed_at is None}
        unrouted |= {self.joined(work.customer_id) for work in wakes} | set(
            map(self.joined, going_on)
        )
        if unrouted:
            carrying = {lane.customer_id for lane in self._lanes.values() if lane.carrying}
            await self._plan(session, unrouted, carrying - {w.lane.customer_id for w in told})
        for done in told:
            seen = self.horizon.get(done.lane.customer_id, 0)
            self.horizon[done.lane.customer_id] = max(seen, done.plan.seq)

    async def _plan(self, session: AsyncSession, unrouted: set[str], carrying: set[str]) -> None:
        open_runs = await runs.maybe_open_of(session, unrouted)
        await self._void_holds(session, open_runs)
        if unrouted <= carrying:
            return
        # what lanes wait for by now was stored before this question
        self.horizon = {c: self._lanes[c].up_to for c in unrouted - carrying if c in self._lanes}
        rows = await events.unrouted(session, unrouted - carrying)
        for customer_id, found in rows.items():
            newest = max(row.seq or 0 for row in found)
            self.horizon[customer_id] = max(newest, self.horizon.get(customer_id, 0))
        waiting = {c: readable(found, self._project.events) for c, found in rows.items()}
        since = await _since(session, waiting, self._project.journeys)
        nobody: list[int] = []
        cards = {row.customer_id: row for row in self._cards.values()}
        for customer_id, pairs in waiting.items():
            known = Known(
                cards[customer_id],
                open_runs.get(customer_id, []),
                since.get(customer_id, []),
            )
            plan, without = next_plan(
                known, pairs, self._project.journeys, timezone=self._timezone, clock=self._clock
            )
            nobody += without
            if plan is not None:
                self.plans[customer_id] = plan
        if nobody:
            await events.mark_routed(session, nobody, datetime.now(UTC))

    async def _void_holds(self, session: AsyncSession, open_runs: dict[str, list[RunRow]]) -> None:
        """Settle what is held for quiet hours in runs that the new events end."""
        for work, (row, stored) in self.rows.items():
            noted = open_runs.get(row.customer_id)
            if stored and work.event is not None and noted:
                await _void(session, row, work.event, noted, self._project.journeys)


async def void_holds(session: AsyncSession, row: EventRow, project: Project) -> None:
    """Settle what is held for quiet hours in runs that this event ends."""
    event = events.typed(row, project.events)
    noted = await runs.maybe_open(session, row.customer_id)
    await _void(session, row, event, noted, project.journeys)


async def _void(
    session: AsyncSession,
    row: EventRow,
    event: Event,
    open_runs: Iterable[RunRow],
    journeys: Journeys,
) -> None:
    for name, journey in journeys.heard_by(event.event_name).items():
        reason = _ends(journey, event)
        ended = [
            run.workflow_id
            for run in open_runs
            if run.journey == name and events.concerns(row, journey.terms.key, run.key)
        ]
        if reason is not None and ended:
            await settling.void_holds(session, ended, reason=reason.value, cause=row)


async def _since(
    session: AsyncSession,
    waiting: dict[str, list[tuple[EventRow, Event]]],
    journeys: Journeys,
) -> dict[str, list[EventRow]]:
    """What runs that the waiting events would start may have to know of."""
    starting = {
        customer_id: row.occurred_at
        for customer_id, pairs in waiting.items()
        for row, event in reversed(pairs)
        if any(
            routing.starts(journey, event)
            for journey in journeys.heard_by(event.event_name).values()
        )
    }
    if not starting:
        return {}
    return await events.of_names(
        session, starting, names_since(journeys), since=min(starting.values())
    )


def _ends(journey: type[Journey], event: Event) -> Reason | None:
    if event.event_name in names(journey.terms.goal):
        return Reason.GOAL_REACHED
    return Reason.RUN_STOPPED if event.event_name in names(journey.terms.ends_on) else None


def _run_row(target: Start, plan: Plan, run_id: str) -> RunRow:
    return RunRow(
        workflow_id=target.workflow_id,
        run_id=run_id,
        journey=target.journey,
        customer_id=plan.row.customer_id,
        key=target.key,
        enrolment=plan.row.message_id,
        started_at=plan.row.occurred_at,
    )


def _customer_of(work: _Work) -> str:
    match work:
        case _Arrival():
            return work.row.customer_id
        case _Wake():
            return work.customer_id
        case _Told():
            return work.lane.customer_id


def _answer(done: "asyncio.Future[Any]", value: object) -> None:
    if not done.done():  # whoever asked may have gone
        done.set_result(value)


def _is_lost(error: Exception) -> bool:
    """Whether the database is away, so that trying again by parts helps nobody."""
    return isinstance(error, OSError | PoolTimeout) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )


def _named(error: Exception) -> Exception:
    if _is_lost(error):
        return StoreUnavailable(f"the database does not answer: {type(error).__name__}")
    return error
