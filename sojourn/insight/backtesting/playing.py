"""Playing a side: recorded calls through a project's journeys, in memory."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sojourn.dispatch.calls import Track
from sojourn.domain.alias import Alias
from sojourn.domain.customer import Identity
from sojourn.domain.errors import BadCustomer
from sojourn.domain.messages import Channel, Reason
from sojourn.domain.prices import Prices
from sojourn.garbage import OF_A_WORLD, rarely_collected
from sojourn.in_memory.gate import Carries, takes_all
from sojourn.in_memory.people import Row
from sojourn.in_memory.world import World
from sojourn.insight.backtesting.costing import Billing
from sojourn.insight.backtesting.side import Line, Side
from sojourn.project import Project
from sojourn.settings import Settings

LED_ON = timedelta(days=400)
"""The time after the last call in which runs go on to their ends."""
OVERTAKEN = (Reason.GOAL_REACHED, Reason.SUPERSEDED, Reason.RUN_STOPPED)
MOST = 1000
"""A run that waits, or asks for messages, more often goes round in a circle, and is left off."""

Call = Track | Identity | Alias


@dataclass(frozen=True, slots=True)
class Arrival:
    """A call that arrived at a moment of its own, later than what it tells."""

    at: datetime
    call: Call


@dataclass(frozen=True, slots=True)
class Halt:
    """An operator's stop of a run."""

    at: datetime
    workflow_id: str
    because: str


@dataclass(frozen=True, slots=True)
class Change:
    """A change that no call tells: of a break, of distances, of devices, of dead addresses.

    Args:
        at: when it came.
        customer_id: of the customer.
        because: names it.
        besides: the fields of the card that change.
        dead: the suppressed addresses since then; None: they stay.
        cured: reasons that may no longer hold messages.
    """

    at: datetime
    customer_id: str
    because: str
    besides: Mapping[str, Any] = field(default_factory=dict)
    dead: frozenset[tuple[Channel, str]] | None = None
    cured: tuple[Reason, ...] = ()


Told = Arrival | Halt | Change
"""A part of a history that the store tells."""
Recorded = Call | Told


def world_of(
    project: Project, settings: Settings, now: datetime, *, carries: Carries = takes_all
) -> World:
    """Return an installation in memory in which nothing has happened.

    Args:
        project: has the journeys.
        settings: of the installation.
        now: where its clock begins.
        carries: the providers.

    Returns:
        The installation.
    """
    return World.of(settings, project, now, carries=carries, most=MOST)


@dataclass(frozen=True)
class Span:
    """The time of the store that is played.

    Args:
        since: where the clock begins; what is older is told then.
        until: a moment after the last call.
        begin: tells the world what is known at the beginning.
    """

    since: datetime
    until: datetime
    begin: Callable[[World], None]


def play(
    calls: Sequence[Recorded],
    project: Project,
    settings: Settings,
    *,
    led_on: timedelta = LED_ON,
    span: Span | None = None,
    prices: Prices | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Side:
    """Play recorded calls, each at its moment, and let every run go on to its end.

    Args:
        calls: in any order.
        project: has the journeys.
        settings: of the installation.
        led_on: the time after the last call, or after the span.
        span: the time of the store that is played; None: from the first call to the last.
        prices: of text messages; None: nobody wants to know what they cost.
        progress: is called with the calls that are done, and with all.

    Returns:
        What they came to.
    """
    ordered = sorted(calls, key=lambda call: call.at)
    if not ordered:
        return Side()
    billing = Billing(prices or Prices(), settings.sms_provider)
    start = ordered[0].at if span is None else span.since
    world = billing.world = world_of(project, settings, start, carries=billing)
    # a world that was played before has let go of all that it had: there is little to look for
    with rarely_collected(OF_A_WORLD, looks_first=False):
        if span is not None:
            span.begin(world)
        feed(world, ordered, progress)
        world.advance((ordered[-1].at if span is None else span.until) + led_on)
        side = replace(side_of(world, len(ordered)), bills=billing.bills)
        world.close()
    return side


def feed(
    world: World,
    calls: Sequence[Recorded],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Have calls happen in a world, each at its moment; older ones than its clock happen at once.

    Args:
        world: the installation in memory.
        calls: in the order of their moments.
        progress: is called with the calls that are done, and with all.
    """
    for number, call in enumerate(calls, start=1):
        if (at := call.at) > world.now:
            world.advance(at)
        try:
            _take(world, call)
        except BadCustomer:  # its only trait cannot be read: nobody would have taken the call
            continue
        finally:
            progress(number, len(calls))


def _take(world: World, recorded: Recorded) -> None:
    match recorded:
        case Track() | Identity() | Alias():
            world.take(recorded)
        case Arrival(call=call):
            world.take(call)
        case Halt():
            if recorded.workflow_id in world.registry.runs:  # else nothing has begun it here
                world.stop(recorded.workflow_id, recorded.because)
        case Change():
            world.change(
                recorded.customer_id,
                besides=recorded.besides,
                dead=recorded.dead,
                cured=recorded.cured,
                because=recorded.because,
            )


def side_of(world: World, played: int) -> Side:
    """Return what has happened in a world.

    Args:
        world: the installation in memory.
        played: the number of calls.

    Returns:
        The runs and the messages.
    """
    entered: Counter[str] = Counter()
    outcomes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for noted in world.registry.every_run:
        ends = [outcome.value for outcome in noted.run.outcomes]
        ends += [] if noted.run.has_ended else ["open"]
        entered[noted.journey] += 1
        counted = outcomes[noted.journey]
        for end in ends:
            counted[end] += 1
    refused: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for each in world.refused:
        refused[each.journey][each.reason.value] += 1
    people = {id(person): person for person in world.registry.people.values()}
    return Side(
        entered,
        dict(outcomes),
        dict(refused),
        [_line(world, row) for person in people.values() for row in person.rows],
        world.left_out,
        played,
    )


def _line(world: World, row: Row) -> Line:
    cause = world.registry.events.get(row.caused_by or "")
    return Line(
        row.message_id,
        row.customer_id,
        row.journey,
        row.step,
        row.channel.value,
        row.state.value,
        row.reason.value if row.reason else "",
        row.due_at,
        row.decided_at,
        held=row.held_until is not None,
        overtaken=row.reason in OVERTAKEN and cause is not None and cause.occurred_at < row.due_at,
    )
