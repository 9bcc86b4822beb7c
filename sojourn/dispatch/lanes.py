"""Lanes: the order in which one customer's events reach the runs, one event after the other."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

from sojourn.dispatch.planning import Plan
from sojourn.dispatch.published import Published
from sojourn.domain.events import Event
from sojourn.domain.messages import Answer
from sojourn.domain.notes import Note
from sojourn.store.tables import CustomerRow, EventRow, RunRow

NOBODY: Mapping[str, Answer | None] = MappingProxyType({})


@dataclass(eq=False)
class Arrival:
    """An event to store.

    Args:
        row: the event.
        event: the same, typed; None if no journey listens to it.
        ask: somebody wants to know what the event does to each run.
        wait: the answer waits until the runs are told; else until the event is stored.
        kept: done once the event is stored; gets the row of the id that holds everything of its
            customer.
        done: gets the answer to the publisher of the event.
        notes: what its sender should know of it.
    """

    row: EventRow
    event: Event | None
    ask: bool
    wait: bool
    kept: "asyncio.Future[CustomerRow]"
    done: "asyncio.Future[Published]"
    notes: tuple[Note, ...] = ()

    @classmethod
    def of(cls, row: EventRow, event: Event | None, *, ask: bool, wait: bool) -> Self:
        """Make the arrival of an event that is not stored yet.

        Args:
            row: as the class has it.
            event: as the class has it.
            ask: as the class has it.
            wait: as the class has it.

        Returns:
            The arrival; nothing is done of it.
        """
        loop = asyncio.get_running_loop()
        return cls(row, event, ask, wait, loop.create_future(), loop.create_future())

    def published(self, reached: Mapping[str, Answer | None], *, stored: bool) -> Published:
        """Return the answer to the publisher.

        Args:
            reached: the runs that were told, and what the event did to them.
            stored: the event was new.

        Returns:
            The fate of the event.
        """
        effects = reached if self.ask else NOBODY
        return Published(self.row.message_id, stored, tuple(reached), effects, self.notes)


@dataclass(eq=False)
class Wake:
    """A customer whose stored events are to be routed.

    Args:
        customer_id: the customer's id.
        done: gets the number of events that were routed.
        awaited: somebody waits for that.
    """

    customer_id: str
    done: "asyncio.Future[int]"
    awaited: bool = True


@dataclass(eq=False)
class Lane:
    """A customer's events on their way to the runs; it exists as long as any are.

    Args:
        customer_id: the customer's id.
        carrying: runs are being told; the next event is planned once they have been.
        up_to: the number of the newest event that the lane is to come to.
        waiting: for each arrival: its event's number, and whether the event was new.
        wakes: the wakes that wait for the lane's end.
        routed: how many events were routed.
        unawaited: nobody waits for some of the events that it is to come to.
    """

    customer_id: str
    carrying: bool = False
    up_to: int = 0
    waiting: list[tuple[int, Arrival, bool]] = field(default_factory=list)
    wakes: list[Wake] = field(default_factory=list)
    routed: int = 0
    unawaited: bool = False

    def wait_for(self, seq: int, arrival: Arrival, *, stored: bool) -> None:
        """Answer an arrival once its event is routed.

        Args:
            seq: the event's number.
            arrival: to be answered.
            stored: the event was new.
        """
        self.waiting.append((seq, arrival, stored))
        self.up_to = max(self.up_to, seq)

    def wake_by(self, wake: Wake) -> None:
        """Answer a wake at the lane's end."""
        self.wakes.append(wake)
        self.unawaited = self.unawaited or not wake.awaited

    def go_to(self, seq: int) -> None:
        """Go on until this event, though nobody waits for it."""
        self.up_to = max(self.up_to, seq)
        self.unawaited = True

    def passed(self, seq: int, reached: Mapping[str, Answer | None] = NOBODY) -> None:
        """Answer the arrivals whose events have been routed.

        Args:
            seq: the number of the newest event that was routed.
            reached: the runs that this very event reached.
        """
        for number, arrival, stored in [w for w in self.waiting if w[0] <= seq]:
            told = reached if number == seq else NOBODY
            answer(arrival.done, arrival.published(told, stored=stored))
        self.waiting = [w for w in self.waiting if w[0] > seq]

    def end(self) -> None:
        """Answer everybody: nothing is left to route."""
        self.passed(self.up_to)
        for wake in self.wakes:
            answer(wake.done, self.routed)

    def fail(self, error: BaseException) -> None:
        """Answer everybody that the lane cannot go on; the sweep routes what is stored."""
        asked: list[asyncio.Future[Any]] = [arrival.done for _, arrival, _ in self.waiting]
        for done in [*asked, *(wake.done for wake in self.wakes)]:
            if not isinstance(error, Exception):
                done.cancel()  # the process is about to end
            else:
                refuse(done, error)


@dataclass(eq=False)
class Told:
    """A plan that was carried out.

    Args:
        lane: the lane it belongs to.
        plan: as it was made.
        reached: the runs that have the event, and what it did to them if somebody asked.
        started: the runs that it started.
        closed: the rows of runs that turned out to be closed.
        found_open: ids of the runs that were looked up, and are open.
    """

    lane: Lane
    plan: Plan
    reached: dict[str, Answer | None]
    started: list[RunRow]
    closed: list[int]
    found_open: frozenset[str] = frozenset()

    @property
    def is_routed(self) -> bool:
        """False if runs were looked up only: the event is to be planned once more."""
        return not self.plan.doubtful

    @property
    def missed(self) -> tuple[int, ...]:
        """The events that a run was started too late to hear of: it is told now."""
        return self.plan.missed if self.started else ()


Work = Arrival | Wake | Told
"""A unit of work of a transaction."""


class Lanes:
    """The lanes there are, one for each customer with events under way."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._lanes)

    def of(self, customer_id: str) -> Lane:
        """Return the customer's lane; make it if there is none."""
        return self._lanes.setdefault(customer_id, Lane(customer_id))

    def find(self, customer_id: str) -> Lane | None:
        """Return the customer's lane, if there is one."""
        return self._lanes.get(customer_id)

    def close(self, lane: Lane) -> None:
        """Forget a lane."""
        del self._lanes[lane.customer_id]

    def move(self, lane: Lane, customer_id: str) -> Lane:
        """Move what waits in a lane to that of the id its customer was joined to.

        A lane that is telling runs stays where it is until it has told them.

        Returns:
            The lane in which the work waits now.
        """
        if customer_id == lane.customer_id or lane.carrying:
            return lane
        home = self.of(customer_id)
        home.waiting += lane.waiting
        home.wakes += lane.wakes
        home.up_to = max(home.up_to, lane.up_to)
        home.unawaited = home.unawaited or lane.unawaited
        self.close(lane)
        return home

    def carrying(self) -> set[str]:
        """Return the customers whose runs are being told."""
        return {lane.customer_id for lane in self._lanes.values() if lane.carrying}


def customer_of(work: Work) -> str:
    """Return the id of the customer that a piece of work is about."""
    match work:
        case Arrival():
            return work.row.customer_id
        case Wake():
            return work.customer_id
        case Told():
            return work.lane.customer_id


def answer(done: "asyncio.Future[Any]", value: object) -> None:
    """Answer a caller who may have gone."""
    if not done.done():
        done.set_result(value)


def refuse(done: "asyncio.Future[Any]", error: Exception) -> None:
    """Tell a caller, who may have gone, that it has failed."""
    if not done.done():
        done.set_exception(error)
        done.exception()  # perhaps nobody waits for it any more
