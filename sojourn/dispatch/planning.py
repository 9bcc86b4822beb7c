"""Plan which runs to tell of a stored event. Pure: the caller has read the store beforehand."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sojourn.dispatch import routing
from sojourn.dispatch.beginning import is_old_news, revives, run_of
from sojourn.dispatch.routing import Start, Target
from sojourn.domain.customer import home_zone
from sojourn.domain.errors import BadEvent, SojournError, UnknownName
from sojourn.domain.events import Event, Events, HoldEnded, JourneyStopped, TimeZoneChanged
from sojourn.domain.messages import EDITION, Enrolment, Reason
from sojourn.domain.ordering import CLOCK_SKEW, Place, counts_for
from sojourn.journeys.journey import Journey
from sojourn.journeys.registry import Journeys
from sojourn.journeys.terms import names
from sojourn.store import cards, events
from sojourn.store.tables import CustomerRow, EventRow, RunRow


@dataclass(frozen=True)
class Plan:
    """An event that is stored, and the runs to tell of it.

    Args:
        row: the event.
        seq: its order of arrival.
        targets: the runs to start or tell.
        enrolment: of those it starts; its ``start`` is the event as runs hear it.
        open_runs: the rows of the customer's runs that may be open, by workflow id.
        missed: numbers of events that those would have heard, had they arrived after this one.
        ask: whether a sender wants to know what the event did.
    """

    row: EventRow
    seq: int
    targets: tuple[Target, ...]
    enrolment: Enrolment
    open_runs: dict[str, list[int]]
    missed: tuple[int, ...] = ()
    ask: bool = False


@dataclass(frozen=True)
class Refused:
    """An event that would have started a run, and started none.

    Args:
        row: the event.
        journey: the name of the journey.
        workflow_id: the id of the run that it would have started.
        reason: why it started none.
    """

    row: EventRow
    journey: str
    workflow_id: str
    reason: Reason


@dataclass(frozen=True)
class Planned:
    """The work that follows from the events of a customer that wait.

    Args:
        plan: the oldest event that concerns a run; None if none does.
        idle: the numbers of the events before it, which concern nobody.
        refused: the starts that came to nothing, of it and of those before it.
    """

    plan: Plan | None
    idle: list[int]
    refused: list[Refused]


@dataclass(frozen=True)
class Known:
    """The store's knowledge of a customer whose events are to be routed.

    Args:
        customer: the card.
        open_runs: runs that were not found closed yet.
        since: events since the oldest waiting start that may concern the runs it starts.
        had: the keys that the customer has had, by journey, where it depends on them which runs
            these events and those that wait concern.
        before: every event that has told or moved the anchor of a journey, oldest first.
        last_sent: when the last message left of each run that waiting events would start.
        held_back: names of the journeys whose entries an operator holds back.
    """

    customer: CustomerRow
    open_runs: Sequence[RunRow]
    since: Sequence[EventRow]
    had: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    before: Sequence[tuple[EventRow, Event]] = ()
    last_sent: Mapping[str, Mapping[str, datetime]] = field(default_factory=dict)
    held_back: frozenset[str] = frozenset()


def readable(
    rows: Iterable[EventRow], known: Events
) -> tuple[list[tuple[EventRow, Event]], list[tuple[EventRow, SojournError]]]:
    """Read stored events.

    Returns:
        The events, and those that cannot be read: their class has become stricter, or is gone.
    """
    found: list[tuple[EventRow, Event]] = []
    faults: list[tuple[EventRow, SojournError]] = []
    for row in rows:
        try:
            found.append((row, events.typed(row, known)))
        except (BadEvent, UnknownName) as error:
            faults.append((row, error))
    return found, faults


def next_plan(
    known: Known,
    waiting: Iterable[tuple[EventRow, Event]],
    journeys: Journeys,
    *,
    timezone: str,
    clock: timedelta,
    within: timedelta = CLOCK_SKEW,
) -> Planned:
    """Return the runs to tell of the customer's oldest event that concerns one.

    Older events go first: a run is never told of an event before the event that starts it.

    Args:
        known: of the customer.
        waiting: its waiting events that can be read.
        journeys: of the project.
        timezone: where nothing tells the customer's.
        clock: the journeys' clock minus Temporal's.
        within: how far senders' clocks may differ.

    Returns:
        The plan, and what came to nothing before it.
    """
    idle: list[int] = []
    refused: list[Refused] = []
    for row, event in waiting:
        assert row.seq is not None
        over = [
            name
            for name, journey in journeys.heard_by(event.event_name).items()
            if routing.starts(journey, event)
            and (
                _is_over(known, journey, event, row, within)
                or is_old_news(journey, event, row, known.last_sent)
            )
        ]
        revived = [
            name
            for name, journey in journeys.heard_by(event.event_name).items()
            if revives(journey, event, row, known.before)
        ]
        targets = routing.targets(
            event,
            known.open_runs,
            journeys,
            over=[*over, *known.held_back],
            revived=revived,
            sent_as=row.sent_as,
            seq=row.seq,
            had=known.had,
        )
        refused += _held_back(known, targets, event, row, journeys, besides=over, revived=revived)
        if targets:
            ids: dict[str, list[int]] = {}
            for run in known.open_runs:
                assert run.id is not None
                ids.setdefault(run.workflow_id, []).append(run.id)
            enrolment = Enrolment(
                customer_id=row.customer_id,
                start=events.heard(row, event, within=within),
                timezone=home_zone(cards.card(known.customer), timezone),
                clock=clock,
                edition=EDITION,
            )
            missed = _missed(known, targets, row, journeys, within=within)
            plan = Plan(row, row.seq, tuple(targets), enrolment, ids, missed)
            return Planned(plan, idle, refused)
        idle.append(row.seq)
    return Planned(None, idle, refused)


def _held_back(
    known: Known,
    targets: Iterable[Target],
    event: Event,
    row: EventRow,
    journeys: Journeys,
    *,
    besides: Iterable[str],
    revived: Iterable[str],
) -> Iterator[Refused]:
    """Yield the starts that come to nothing because an operator holds entries back, and only so."""
    told = {target.journey for target in targets}
    for name in sorted(known.held_back - {*told, *besides, *journeys.off}):
        journey = journeys.heard_by(event.event_name).get(name)
        if journey is not None and (routing.starts(journey, event) or name in revived):
            yield Refused(row, name, run_of(journey, event, row), Reason.HELD_BACK)


def names_since(journeys: Journeys) -> set[str]:
    """Return the events that a run may have to know of although they arrived before its start."""
    goals = {name for journey in journeys.values() for name in names(journey.terms.goal)}
    return goals.union(*(_news(journey, journeys) for journey in journeys.values()))


def _missed(
    known: Known,
    targets: Iterable[Target],
    row: EventRow,
    journeys: Journeys,
    *,
    within: timedelta,
) -> tuple[int, ...]:
    """Return the events that arrived before the start of their run, and happened after it.

    An event that still waits to be routed is not among them: its turn comes.
    """
    started = [
        _Begun(t.workflow_id, journeys[t.journey], t.key, row)
        for t in targets
        if isinstance(t, Start)
    ]
    return tuple(
        other.seq
        for other in known.since
        if other.seq is not None
        and other.routed_at is not None
        and any(
            other.name in _news(run.journey, journeys) and _counts(other, run, known, within)
            for run in started
        )
    )


def _news(journey: type[Journey], journeys: Journeys) -> set[str]:
    """Return what a run is told of late: no event that starts runs, which could start another."""
    starting = {name for known in journeys.values() for name in names(known.terms.starts_on)}
    return set(journey.terms.declared) - starting


def _is_over(
    known: Known,
    journey: type[Journey],
    event: Event,
    row: EventRow,
    within: timedelta,
) -> bool:
    """Tell whether the goal was reached after this start already (it arrived late).

    A stop of the run that it would start counts like a goal.
    """
    ends = (*names(journey.terms.goal), JourneyStopped.event_name)
    key = routing.key_of(journey, event)
    workflow_id = routing.workflow_id(journey.name, row.sent_as or row.customer_id, key)
    run = _Begun(workflow_id, journey, key, row)
    return any(later.name in ends and _counts(later, run, known, within) for later in known.since)


@dataclass(frozen=True)
class _Begun:
    """A run that a start begins, or would begin."""

    workflow_id: str
    journey: type[Journey]
    key: str
    start: EventRow


def _counts(row: EventRow, run: _Begun, known: Known, within: timedelta) -> bool:
    """Tell whether a stored event counts for a run that a start begins, as the run itself will."""
    terms = run.journey.terms
    if row.name in names((JourneyStopped, HoldEnded, TimeZoneChanged)):
        concerns = row.properties.get("run") == run.workflow_id
    else:
        had, begun = known.had.get(run.journey.name), run.start.seq or 0
        concerns = events.reaches(row, terms.reach, run.key, had, begun=begun)
    if not concerns or row.name not in names((*terms.goal, *terms.stops)):
        return concerns and _order(row) > _order(run.start)
    tolerance = timedelta(0) if row.name in terms.exact(run.start.name) else within
    return counts_for(_order(row), _order(run.start), within=tolerance)


def _order(row: EventRow) -> Place:
    assert row.seq is not None
    return (row.occurred_at, row.seq)
