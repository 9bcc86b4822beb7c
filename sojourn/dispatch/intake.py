"""Taking events in: many in one transaction, each customer's in their order.

An event that is published while a transaction is under way joins the next one. So under load a
hundred events cost hardly more than one, and without load nobody waits for company.

A publisher is answered once its event is stored, or, if it wants to wait, once runs were told.

Lanes (`dispatch.lanes`), one for each customer, route what a transaction (`dispatch.committing`)
stores: tell the runs of the oldest event, note that in one of the next transactions, go on to the
next event. A lane remembers how far it has to go, not what lies on the way, and there are
`MOST_LANES` of them for events that nobody waits for. Events that do not fit in, or cannot be told
because Temporal is down, are told later (`dispatch.later`), or by the sweep of any worker.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sojourn.dispatch.committing import Transaction
from sojourn.dispatch.lanes import (
    NOBODY,
    Arrival,
    Lane,
    Lanes,
    Told,
    Wake,
    Work,
    answer,
    customer_of,
    refuse,
)
from sojourn.dispatch.later import Later
from sojourn.dispatch.noting import OTHER_CONTENT, not_started
from sojourn.dispatch.planning import Plan
from sojourn.dispatch.published import Published
from sojourn.dispatch.routing import Start
from sojourn.dispatch.telling import Reached, Tells
from sojourn.dispatch.turns import Turns, rest
from sojourn.dispatch.watching import UNWATCHED, Watch
from sojourn.domain.errors import StoreUnavailable
from sojourn.domain.events import Event
from sojourn.domain.messages import Reason
from sojourn.domain.ordering import CLOCK_SKEW
from sojourn.domain.reasons import explain
from sojourn.project import Project
from sojourn.store import Store
from sojourn.store.faults import is_lost
from sojourn.store.tables import EventRow, RunRow

log = logging.getLogger("sojourn.dispatch")

MOST_LANES = 2000
"""Customers whose runs are told at one time, while nobody waits for it."""


class Intake:
    """The one way into the store for events of this process."""

    def __init__(
        self,
        store: Store,
        teller: Tells,
        project: Project,
        *,
        timezone: str,
        clock: timedelta,
        clock_skew: timedelta = CLOCK_SKEW,
        watch: Watch = UNWATCHED,
        present: Callable[[], datetime] | None = None,
    ) -> None:
        """Make an intake.

        Args:
            store: an open store.
            teller: starts and tells runs.
            project: its journeys and events.
            timezone: the zone of customers whose own is unknown, an IANA name.
            clock: the journeys' clock minus Temporal's; zero except in time travel.
            clock_skew: how far senders' clocks may differ.
            watch: is told how long events take to reach the runs.
            present: the present by the journeys' clock, where the machine's does not tell it.
        """
        self.watch = watch
        self._store = store
        self._teller = teller
        self._project = project
        self._timezone = timezone
        self._clock = clock
        self._clock_skew = clock_skew
        self._present = present
        self._queue = Turns()
        self._lanes = Lanes()
        self._later = Later(self.wake)
        self._working = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(
        self, row: EventRow, event: Event | None, *, ask: bool = False, wait: bool = True
    ) -> Published:
        """Store an event and tell the runs that it concerns.

        Args:
            row: as for `begin`.
            event: as for `begin`.
            ask: as for `begin`.
            wait: as for `begin`.

        Returns:
            The fate of the event.
        """
        return await self.begin(row, event, ask=ask, wait=wait).done

    def begin(
        self, row: EventRow, event: Event | None, *, ask: bool = False, wait: bool = True
    ) -> Arrival:
        """Begin to store an event and to tell the runs that it concerns.

        Events of a customer are stored in the order in which this is called.

        Args:
            row: the event; routed already if no journey listens to it.
            event: the same, typed; None if no journey listens to it.
            ask: ask the runs what the event did, and wait for that.
            wait: the result is there once the runs are told; else once the event is stored.

        Returns:
            The event on its way: `Arrival.kept` tells that it is stored, `Arrival.done` what
            became of it.
        """
        arrival = Arrival.of(row, event, ask=ask, wait=wait or ask)
        self._put(arrival)
        return arrival

    async def wake(self, customer_id: str) -> int:
        """Route what a crash left unrouted, and return how many events that were."""
        wake = Wake(customer_id, asyncio.get_running_loop().create_future())
        self._put(wake)
        return await wake.done

    def wake_soon(self, customer_id: str) -> None:
        """Route a customer's unrouted events, in the background."""
        if self._has_room(customer_id):
            done = asyncio.get_running_loop().create_future()
            self._put(Wake(customer_id, done, awaited=False))
        else:
            self._leave(customer_id)

    async def drain(self) -> None:
        """Wait until nothing is under way. Events left for later are not: the sweep tells them."""
        self._later.stop()
        while self._tasks:
            await asyncio.wait(self._tasks)

    # ---- batches -------------------------------------------------------------------------------

    def _put(self, work: Work) -> None:
        self._queue.put(work)
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
                await self._commit(self._queue.take())
        finally:
            self._working = False

    async def _commit(self, batch: Sequence[Work]) -> None:
        """Commit a batch in one transaction; if that fails, by customer, and finally one by one.

        So a bad event, or a customer whose lock somebody holds, harms nobody else.
        """
        transaction = Transaction(
            self._lanes,
            self._project,
            self._timezone,
            self._clock,
            self._clock_skew,
            present=self._present,
        )
        try:
            async with self._store.transaction(brief=True) as session:
                await transaction.run(session, batch, patient=len(batch) == 1)
        except Exception as error:
            if len(batch) == 1 or is_lost(error):
                for work in batch:
                    self._fail(work, _named(error))
                return
            parts: dict[str, list[Work]] = {}
            for work in batch:
                parts.setdefault(customer_of(work), []).append(work)
            for part in parts.values():
                self._spawn(self._one_by_one([part] if len(parts) > 1 else [[w] for w in part]))
        else:
            self._tell_of(batch, transaction)
            self._go_on(batch, transaction)

    def _tell_of(self, batch: Sequence[Work], did: Transaction) -> None:
        """Tell senders and operators of starts that were refused: nothing makes up for them.

        They are told the reason, not the values, which are the customer's.
        """
        for one in did.refused:
            log.log(
                logging.WARNING if one.reason is Reason.HELD_BACK else logging.INFO,
                "%s did not start by event %s: %s",
                one.workflow_id,
                one.row.message_id,
                explain(one.reason),
            )
            self.watch.refused(one.journey, one.reason)
            lane = self._lanes.find(one.row.customer_id)
            arrivals = [work for work in batch if isinstance(work, Arrival)]
            waiting = [(did.rows[work][0].seq, work) for work in arrivals if work in did.rows]
            waiting += [(seq, arrival) for seq, arrival, _ in (lane.waiting if lane else [])]
            for seq, arrival in waiting:
                if seq == one.row.seq:
                    arrival.notes = (*arrival.notes, not_started(one.journey, one.reason))

    async def _one_by_one(self, parts: Iterable[Sequence[Work]]) -> None:
        for part in parts:
            await self._commit(part)

    def _fail(self, work: Work, error: Exception) -> None:
        lane = work.lane if isinstance(work, Told) else self._lanes.find(customer_of(work))
        if lane is not None and (isinstance(work, Told) or not lane.carrying):
            self._stop(lane, error)
        if isinstance(work, Arrival):
            refuse(work.kept, error)
        if not isinstance(work, Told):
            refuse(work.done, error)
        if isinstance(work, Wake) and not work.awaited:
            self._leave(work.customer_id, error)

    # ---- lanes ---------------------------------------------------------------------------------

    def _go_on(self, batch: Sequence[Work], did: Transaction) -> None:
        """Answer what is done, and set the lanes going."""
        fresh: dict[str, None] = {}
        for work in batch:
            match work:
                case Arrival():
                    found = self._stored(work, did)
                    if found is None:
                        continue
                    lane = found
                case Wake():
                    lane = self._lanes.of(work.customer_id)
                    lane = self._lanes.move(lane, did.joined(work.customer_id))
                    lane.wake_by(work)
                case Told():
                    work.lane.carrying = False
                    if work.is_routed:
                        work.lane.routed += 1
                        work.lane.passed(work.plan.seq, work.reached)
                    lane = self._lanes.move(work.lane, did.joined(work.lane.customer_id))
            fresh[lane.customer_id] = None
        for customer_id in fresh:
            lane = self._lanes.of(customer_id)
            if not lane.carrying:  # else it comes to these events by itself
                self._next(lane, did)
        for customer_id in did.woken:
            self.wake_soon(customer_id)

    def _stored(self, work: Arrival, did: Transaction) -> Lane | None:
        """Answer an event that is stored, or let it wait in its lane.

        Returns:
            The lane that is to come to the event; None if none is.
        """
        row, stored = did.rows[work]
        answer(work.kept, did.holder(work.row.customer_id))
        if not stored and row.properties != work.row.properties:
            work.notes = (OTHER_CONTENT,)
        work.row = row
        if row.routed_at is not None:
            answer(work.done, work.published(NOBODY, stored=stored))
            return None
        assert row.seq is not None
        if work.wait:
            lane = self._lanes.of(row.customer_id)
            lane.wait_for(row.seq, work, stored=stored)
            return lane
        answer(work.done, work.published(NOBODY, stored=stored))
        if self._later.away or not self._has_room(row.customer_id):
            self._leave(row.customer_id)
            return None
        lane = self._lanes.of(row.customer_id)
        lane.go_to(row.seq)
        return lane

    def _next(self, lane: Lane, did: Transaction) -> None:
        """Set the lane going, or end it."""
        plan = did.plans.get(lane.customer_id)
        if plan is not None:
            lane.carrying = True
            self.watch.telling(len(self._lanes))
            lane.passed(plan.seq - 1)
            self._spawn(self._carry_out(lane, plan))
        elif lane.up_to > did.horizon.get(lane.customer_id, 0):
            # stored since this transaction looked, or while a lane went that has failed
            done = asyncio.get_running_loop().create_future()
            self._put(Wake(lane.customer_id, done, awaited=False))
        else:
            lane.end()
            self._lanes.close(lane)
            self.watch.telling(len(self._lanes))

    def _has_room(self, customer_id: str) -> bool:
        """Tell whether there is room for a lane of this customer; there is, if it exists."""
        return len(self._lanes) < MOST_LANES or self._lanes.find(customer_id) is not None

    def _leave(self, customer_id: str, error: Exception | None = None) -> None:
        """Leave a customer's stored events for later."""
        self.watch.left()
        self._later.add(customer_id, error)

    def _stop(self, lane: Lane, error: BaseException) -> None:
        """End a lane that cannot go on; its events that nobody waits for are left for later."""
        self._lanes.close(lane)
        self.watch.telling(len(self._lanes))
        if lane.unawaited and isinstance(error, Exception):
            self._leave(lane.customer_id, error)
        lane.fail(error)

    async def _carry_out(self, lane: Lane, plan: Plan) -> None:
        """Tell the runs of one event, or look up those that it depends on."""
        if plan.doubtful:
            await self._look_up(lane, plan)
            return
        ask = any(arrival.ask for seq, arrival, _ in lane.waiting if seq == plan.seq)
        plan = replace(plan, ask=ask)
        began = time.monotonic()
        answers = await asyncio.gather(
            *(self._teller.reach(target, plan) for target in plan.targets), return_exceptions=True
        )
        reached: list[Reached | None] = []
        for one in answers:
            if isinstance(one, BaseException):
                self._stop(lane, one)
                return
            reached.append(one)
        self._later.back()
        self.watch.told((datetime.now(UTC) - plan.row.received_at).total_seconds())
        if pause := rest(lane, time.monotonic() - began):
            await asyncio.sleep(pause)
        self._put(_told(lane, plan, reached))

    async def _look_up(self, lane: Lane, plan: Plan) -> None:
        answers = await asyncio.gather(
            *(self._teller.is_open(run, plan) for run in plan.doubtful), return_exceptions=True
        )
        found: dict[str, bool] = {}
        for run, one in zip(plan.doubtful, answers, strict=True):
            if isinstance(one, BaseException):
                self._stop(lane, one)
                return
            found[run] = one
        closed = [i for run, is_open in found.items() if not is_open for i in plan.open_runs[run]]
        is_open = frozenset(run for run, is_open in found.items() if is_open)
        self._put(Told(lane, plan, reached={}, started=[], closed=closed, found_open=is_open))


def _told(lane: Lane, plan: Plan, answers: Sequence[Reached | None]) -> Told:
    told = Told(lane, plan, reached={}, started=[], closed=[])
    for target, reached in zip(plan.targets, answers, strict=True):
        if reached is not None:
            told.reached[target.workflow_id] = reached.answer
        if reached is None or reached.execution:
            told.closed += plan.open_runs.get(target.workflow_id, [])
        if reached is not None and reached.execution and isinstance(target, Start):
            told.started.append(_run_row(target, plan, reached))
    return told


def _run_row(target: Start, plan: Plan, reached: Reached) -> RunRow:
    return RunRow(
        workflow_id=target.workflow_id,
        run_id=reached.execution,
        journey=target.journey,
        customer_id=plan.row.customer_id,
        key=target.key,
        enrolment=plan.row.message_id,
        started_at=plan.row.occurred_at,
        shadow=target.shadow,
        delayed_until=reached.delayed_until,
    )


def _named(error: Exception) -> Exception:
    if is_lost(error) and not isinstance(error, StoreUnavailable):
        return StoreUnavailable(f"the database does not answer: {type(error).__name__}")
    return error
