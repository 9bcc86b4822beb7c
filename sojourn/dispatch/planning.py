"""Plan which runs to tell of a stored event. Pure: the caller has read the store beforehand."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from typing import TypeVar

from sojourn.dispatch import routing
from sojourn.dispatch.beginning import is_old_news, revives
from sojourn.dispatch.charging import roles
from sojourn.dispatch.entering import Verdict, Verdicts
from sojourn.dispatch.routing import Start, Target
from sojourn.domain.customer import Customer, home_zone
from sojourn.domain.errors import BadEvent, SojournError, UnknownName
from sojourn.domain.events import (
    Event,
    Events,
    HoldEnded,
    JourneyStopped,
    TaskAnswered,
    TimeZoneChanged,
)
from sojourn.domain.keys import plain
from sojourn.domain.messages import EDITION, Enrolment, Heard, Reason
from sojourn.domain.ordering import CLOCK_SKEW, Place, counts_for
from sojourn.domain.stored import NotedRun, StoredEvent
from sojourn.domain.value_class import value_class
from sojourn.journeys.journey import Journey
from sojourn.journeys.registry import Journeys
from sojourn.journeys.terms import names
from sojourn.store import events

S = TypeVar("S", bound=StoredEvent)


@value_class
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
        judged: names of the journeys for which a judgement on the event is kept.
        refused: the starts that are refused, unless a run that may be open hears the event.
        delayed: until when the delay of their start holds back the first task of those of them that
            had one, by workflow id and by Temporal's clock.
        doubtful: runs that are to be looked up before it is known which runs the event concerns:
            the number of open ones decides. There are no targets then.
    """

    row: StoredEvent
    seq: int
    targets: tuple[Target, ...]
    enrolment: Enrolment
    open_runs: dict[str, list[int]]
    missed: tuple[int, ...] = ()
    ask: bool = False
    judged: frozenset[str] = frozenset()
    refused: "tuple[Refused, ...]" = ()
    doubtful: tuple[str, ...] = ()
    delayed: Mapping[str, datetime] = field(default_factory=dict)

    def heard_by(self, target: Target) -> Heard:
        """Return the event as a run hears it."""
        start = self.enrolment.start
        return start.model_copy(update={"shadow": True}) if target.shadow else start

    def enrolment_of(self, target: Start) -> Enrolment:
        """Return the enrolment of a run that the event starts."""
        return self.enrolment.model_copy(update={"key": target.key, "start": self.heard_by(target)})


@value_class
class Refused:
    """An event that would have started a run, and started none.

    Args:
        row: the event.
        journey: the name of the journey.
        workflow_id: the id of the run that it would have started.
        reason: why it started none.
        because: the explanation, where there is more to say.
        key: of that run.
        kept: the judgement is kept already.
    """

    row: StoredEvent
    journey: str
    workflow_id: str
    reason: Reason
    because: str = ""
    key: str = ""
    kept: bool = False


@value_class
class Planned:
    """The work that follows from the events of a customer that wait.

    Args:
        plan: the oldest event that concerns a run; None if none does.
        idle: the numbers of the events before it, which concern nobody.
        refused: the starts that are certainly refused, of it and of those before it.
        rests_on: the journeys for which no event in `Known.since` ends the run that one of these
            events could start: a further event could.
    """

    plan: Plan | None
    idle: list[int]
    refused: list[Refused]
    rests_on: frozenset[str] = frozenset()


@value_class
class Known:
    """The store's knowledge of a customer whose events are to be routed.

    Args:
        customer: the card.
        open_runs: runs that were not found closed yet.
        since: events since the oldest waiting start that may concern the runs it starts; the first
            of them, as far as they were read.
        had: the keys that the customer has had, by journey, where the runs that these events and
            those that wait concern depend on them.
        before: every event that has told or moved the anchor of a journey, oldest first.
        last_sent: for each run that waiting events would start, when its last message left.
        last_supposed: likewise, when its last message would have left, of those in shadow.
        held_back: the journeys whose entries an operator holds back, with who and why.
        verdicts: the judgements on waiting events.
        looked_up: ids of runs that were found open just now.
        ended: ids of those that a stored event has ended, and that may still be open for a moment.
        starting: the journeys of which waiting events start runs, by their message ids, where that
            was looked up.
    """

    customer: Customer
    open_runs: Sequence[NotedRun]
    since: Sequence[StoredEvent] = ()
    had: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    before: Sequence[tuple[StoredEvent, Event]] = ()
    last_sent: Mapping[str, Mapping[str, datetime]] = field(default_factory=dict)
    last_supposed: Mapping[str, Mapping[str, datetime]] = field(default_factory=dict)
    held_back: Mapping[str, str] = field(default_factory=dict)
    verdicts: Verdicts = field(default_factory=dict)
    looked_up: frozenset[str] = frozenset()
    ended: frozenset[str] = frozenset()
    starting: Mapping[str, Collection[str]] = field(default_factory=dict)


def readable(
    rows: Iterable[S], known: Events
) -> tuple[list[tuple[S, Event]], list[tuple[S, SojournError]]]:
    """Read stored events.

    Returns:
        The events, and those that cannot be read: their class has become stricter, or is gone.
    """
    found: list[tuple[S, Event]] = []
    faults: list[tuple[S, SojournError]] = []
    for row in rows:
        try:
            found.append((row, events.typed(row, known)))
        except (BadEvent, UnknownName) as error:
            faults.append((row, error))
    return found, faults


def next_plan(
    known: Known,
    waiting: Iterable[tuple[StoredEvent, Event]],
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
        timezone: the zone of customers whose own is unknown, an IANA name.
        clock: the journeys' clock minus Temporal's.
        within: how far senders' clocks may differ.

    Returns:
        The plan, and the idle events and refused starts before it.
    """
    idle: list[int] = []
    refused: list[Refused] = []
    rests_on: set[str] = set()
    for row, event in waiting:
        assert row.seq is not None
        by = roles(
            event,
            journeys,
            known.open_runs,
            ended=known.ended,
            looked_up=known.looked_up,
        )
        starting = known.starting.get(row.message_id)
        if starting is None:
            starting = routing.starting_by(event, journeys)
        begins = _begins(known, event, row, journeys, within, silent=by.silent, starting=starting)
        over: list[str] = []
        may_start: list[str] = []
        for name, verdict in begins.items():
            if verdict.reason in _AFTER_ENDS:
                rests_on.add(name)
            (may_start if verdict.reason is None else over).append(name)
        revived = [name for name in begins if name not in starting]
        crowd = _crowd(known, event, journeys, may_start, by.silent)
        targets = routing.targets(
            event,
            _hearing(known, over),
            journeys,
            over={*over, *crowd.full, *by.resting},
            revived=revived,
            sent_as=row.sent_as,
            seq=row.seq,
            had=known.had,
            silent=by.silent,
            starting=starting,
        )
        doubtful = tuple(dict.fromkeys((*crowd.doubtful, *by.doubtful)))
        if doubtful:
            targets = []
        turned_away = (
            _turned_away(row, event, journeys, {**begins, **crowd.full}, known.verdicts)
            if over or crowd.full
            else []
        )
        if targets or doubtful:
            told = {target.journey for target in targets} if turned_away else set()
            ids: dict[str, list[int]] = {}
            delayed: dict[str, datetime] = {}
            for run in known.open_runs:
                assert run.id is not None
                ids.setdefault(run.workflow_id, []).append(run.id)
                if run.delayed_until is not None:
                    delayed[run.workflow_id] = run.delayed_until
            enrolment = Enrolment.made(
                customer_id=row.customer_id,
                key="",  # that of a run, once it starts
                start=events.heard(row, event, within=within),
                timezone=home_zone(known.customer, timezone),
                clock=clock,
                edition=EDITION,
            )
            plan = Plan(
                row,
                row.seq,
                tuple(targets),
                enrolment,
                ids,
                missed=_missed(known, targets, row, journeys, within=within),
                judged=_judged(known, begins, row, targets),
                refused=tuple([one for one in turned_away if one.journey in told]),
                doubtful=doubtful,
                delayed=delayed,
            )
            if not doubtful:
                refused += [one for one in turned_away if one.journey not in told]
            return Planned(plan, idle, refused, frozenset(rests_on))
        refused += turned_away
        idle.append(row.seq)
    return Planned(None, idle, refused, frozenset(rests_on))


def _judged(
    known: Known, begins: Collection[str], row: StoredEvent, targets: Iterable[Target]
) -> frozenset[str]:
    """Return the journeys for which a judgement on the event is kept, and begins nothing again."""
    if not known.verdicts:
        return frozenset()
    again = {t.journey for t in targets if t.workflow_id in known.ended} if known.ended else ()
    return frozenset(
        [name for name in begins if (row.message_id, name) in known.verdicts and name not in again]
    )


def _hearing(known: Known, over: Collection[str]) -> Sequence[NotedRun]:
    """Return the runs that may hear an event.

    A run that is over must not mistake an event that may begin none for its next start.
    """
    if not known.ended:
        return known.open_runs
    return [
        run
        for run in known.open_runs
        if run.workflow_id not in known.ended or run.journey not in over
    ]


_UNJUDGED = Verdict()
_AFTER_ENDS = (None, Reason.OLD_NEWS, Reason.HELD_BACK)
"""The judgements on a start that an event which ends its run comes before."""


def _begins(
    known: Known,
    event: Event,
    row: StoredEvent,
    journeys: Journeys,
    within: timedelta,
    *,
    silent: Collection[str],
    starting: Collection[str],
) -> dict[str, Verdict]:
    """Return the journeys that the event could start a run of, and whether it may."""
    found: dict[str, Verdict] = {}
    # an event that none of them hears as a start, or as a move of its anchor, begins nothing
    may_begin: Iterable[str] = starting
    if journeys.moved_by(event.event_name):
        may_begin = journeys.heard_by(event.event_name)
    for name in may_begin:
        journey, starts = journeys[name], name in starting
        if name in journeys.off or not (starts or revives(journey, event, row, known.before)):
            continue
        verdict = known.verdicts.get((row.message_id, name), _UNJUDGED)
        if verdict.reason is None and starts:
            if ended := _ended(known, journey, event, row, within):
                verdict = Verdict(ended)
            elif is_old_news(journey, event, row, known.last_sent, within) or (
                name in silent and is_old_news(journey, event, row, known.last_supposed, within)
            ):
                verdict = Verdict(Reason.OLD_NEWS)
        if verdict.reason is None and name in known.held_back:
            verdict = Verdict(Reason.HELD_BACK, known.held_back[name])
        found[name] = verdict
    return found


@value_class
class _Crowd:
    """The meaning of open runs of other keys for a start.

    Args:
        full: the journeys whose limit of open runs the customer has reached.
        doubtful: ids of runs on which that depends: nobody knows whether they are open.
    """

    full: Mapping[str, Verdict]
    doubtful: Sequence[str]


_NO_CROWD = _Crowd({}, ())


def _crowd(
    known: Known,
    event: Event,
    journeys: Journeys,
    names: Collection[str],
    silent: Collection[str],
) -> _Crowd:
    if journeys.limited.keys().isdisjoint(names):
        return _NO_CROWD
    full: dict[str, Verdict] = {}
    doubtful: list[str] = []
    for name in sorted(names):
        most = journeys.limited.get(name)
        if most is None:
            continue
        key = plain(routing.key_of(journeys[name], event))
        others = dict.fromkeys(
            run.workflow_id
            for run in known.open_runs
            if run.journey == name
            and plain(run.key) != key
            and run.workflow_id not in known.ended
            and (name in silent or not run.shadow)  # one in shadow is in no real one's way
        )
        if len(others) < most:
            continue
        if unsure := [run for run in others if run not in known.looked_up]:
            doubtful.extend(unsure)
        else:
            told = f"{len(others)} open, of {most} at most: {', '.join(others)}"
            full[name] = Verdict(Reason.ENOUGH_RUNS, told)
    return _Crowd(full, doubtful)


def _turned_away(
    row: StoredEvent,
    event: Event,
    journeys: Journeys,
    begins: Mapping[str, Verdict],
    verdicts: Verdicts,
) -> list[Refused]:
    """Return the starts that are refused."""
    found: list[Refused] = []
    for name, verdict in begins.items():
        if verdict.reason is not None:
            key = routing.key_of(journeys[name], event)
            run = routing.workflow_id(name, row.sent_as or row.customer_id, key)
            kept = verdicts.get((row.message_id, name)) == verdict
            found.append(Refused(row, name, run, verdict.reason, verdict.because, key, kept=kept))
    return found


def names_since(starting: Iterable[type[Journey]], journeys: Journeys) -> frozenset[str]:
    """Return the events that a run may have to know of although they arrived before its start.

    Args:
        starting: the journeys of which events that wait may start a run.
        journeys: of the project.

    Returns:
        The wire names: of their goals, and of what a run is told of late.
    """
    return frozenset().union(*[journeys.counting_late[journey.name] for journey in starting])


def _missed(
    known: Known,
    targets: Iterable[Target],
    row: StoredEvent,
    journeys: Journeys,
    *,
    within: timedelta,
) -> tuple[int, ...]:
    """Return the events that arrived before the start of their run, and happened after it.

    An event that still waits to be routed is not among them: its turn comes.
    """
    if not known.since:
        return ()
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
            other.name in journeys.told_late[run.journey.name]
            and _counts(other, run, known, within)
            for run in started
        )
    )


def _ended(
    known: Known,
    journey: type[Journey],
    event: Event,
    row: StoredEvent,
    within: timedelta,
) -> Reason | None:
    """Return why the run that this start (it arrived late) would begin is over already.

    A stop of that run counts like a goal.
    """
    if not known.since:
        return None
    goals = names(journey.terms.goal)
    ends = (*goals, JourneyStopped.event_name)
    key = routing.key_of(journey, event)
    workflow_id = routing.workflow_id(journey.name, row.sent_as or row.customer_id, key)
    run = _Begun(workflow_id, journey, key, row)
    for later in known.since:
        if later.name in ends and _counts(later, run, known, within):
            return Reason.GOAL_REACHED if later.name in goals else Reason.RUN_STOPPED
    return None


@value_class
class _Begun:
    """A run that a start begins, or would begin."""

    workflow_id: str
    journey: type[Journey]
    key: str
    start: StoredEvent


def _counts(row: StoredEvent, run: _Begun, known: Known, within: timedelta) -> bool:
    """Tell whether a stored event counts for a run that a start begins, as the run itself will."""
    terms = run.journey.terms
    if row.name in names((JourneyStopped, HoldEnded, TaskAnswered, TimeZoneChanged)):
        concerns = row.properties.get("run") == run.workflow_id
    else:
        had, begun = known.had.get(run.journey.name), run.start.seq or 0
        concerns = events.reaches(row, terms.reach, run.key, had, begun=begun)
    if not concerns or row.name not in names((*terms.goal, *terms.stops)):
        return concerns and place_of(row) > place_of(run.start)
    tolerance = timedelta(0) if row.name in terms.exact(run.start.name) else within
    return counts_for(place_of(row), place_of(run.start), within=tolerance)


def place_of(row: StoredEvent) -> Place:
    """Return the place of a stored event among a customer's."""
    assert row.seq is not None
    return (row.occurred_at, row.seq)
