"""The knowledge of a customer whose event is to be routed, as `dispatch.knowing` reads it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sojourn.dispatch import routing
from sojourn.dispatch.beginning import can_revive, run_of
from sojourn.dispatch.entering import Verdicts
from sojourn.dispatch.planning import Known, names_since
from sojourn.domain.events import Event
from sojourn.domain.keys import Reach
from sojourn.domain.ordering import earliest
from sojourn.in_memory.people import Happened, Person
from sojourn.journeys.journey import Journey, restarts_by_content
from sojourn.journeys.registry import Journeys
from sojourn.journeys.terms import names
from sojourn.store import events
from sojourn.store.ledger import MAYBE_SENT


def known(
    person: Person,
    one: Happened,
    event: Event,
    verdicts: Verdicts,
    journeys: Journeys,
    *,
    starting: Collection[str],
    within: timedelta,
) -> Known:
    """Gather everything that a plan depends on.

    Args:
        person: the customer.
        one: the event to be routed.
        event: the same, typed.
        verdicts: the judgements on it.
        journeys: of the project.
        starting: those of which the event starts a run (`routing.starting_by`).
        within: how far senders' clocks may differ.

    Returns:
        The knowledge, for `dispatch.planning.next_plan`.
    """
    begun = [journeys[name] for name in starting]
    since, open_runs = _since(person, one, begun, journeys, within), person.open_runs
    ends = since or journeys.ended_by(one.name)  # only these depend on keys
    return Known(
        customer=person.card,
        open_runs=open_runs,
        since=since,
        had=_had(person, [one, *since], begun, event, journeys) if ends else {},
        before=before(person, one, event, journeys),
        last_sent=_last_sent(person, one, event, begun) if begun and person.rows else {},
        verdicts=verdicts,
        looked_up=frozenset([run.workflow_id for run in open_runs]),
        starting={one.message_id: starting},
    )


def before(
    person: Person, one: Happened, event: Event, journeys: Journeys
) -> list[tuple[Happened, Event]]:
    """Return what has told or moved an anchor before a change, oldest first.

    Args:
        person: the customer.
        one: the change.
        event: the same, typed.
        journeys: of the project.

    Returns:
        The events; none for an event that could begin no run by moving an anchor.
    """
    if not journeys.moved_by(event.event_name):
        return []
    listening = journeys.heard_by(one.name).values()
    changed = [journey for journey in listening if can_revive(journey, event)]
    found = [
        (other, other.event)
        for name in {name for journey in changed for name in names(journey.terms.moved_by)}
        for other in person.by_name.get(name, ())
        if other.event is not None and other.place < one.place
    ]
    return sorted(found, key=lambda pair: pair[0].place)


def keys_that_matter(
    person: Person, reach: Reach, rows: Iterable[Happened], keys: Collection[str]
) -> Mapping[str, int] | None:
    """Return the keys that a customer has had, as `store.events.keys_that_matter` does.

    Args:
        person: the customer.
        reach: the rule of a journey.
        rows: the events that may depend on them.
        keys: of the runs.

    Returns:
        The arrival of the first start of each key; None if nothing depends on them.
    """
    told = [(row.name, events.said(row, reach)) for row in rows]
    depends = bool(reach.starts) and any(
        reach.depends(key, name=name, said=said) for name, said in told for key in keys
    )
    return events.keys_in(person.events, reach) if depends else None


def _since(
    person: Person,
    one: Happened,
    starting: Sequence[type[Journey]],
    journeys: Journeys,
    within: timedelta,
) -> list[Happened]:
    """Return the events that may count for a run that this one begins, oldest first."""
    if not starting or person.is_newest(one):
        return []
    oldest = earliest(one.occurred_at, within)
    found = [
        other
        for name in names_since(starting, journeys)
        for other in person.by_name.get(name, ())
        if other.place > one.place or (other.seq > one.seq and other.occurred_at >= oldest)
    ]
    return sorted(found, key=lambda other: other.place)


def _had(
    person: Person,
    rows: Sequence[Happened],
    starting: Sequence[type[Journey]],
    event: Event,
    journeys: Journeys,
) -> dict[str, Mapping[str, int]]:
    found: dict[str, Mapping[str, int]] = {}
    ended = {
        n: j for name in {row.name for row in rows} for n, j in journeys.ended_by(name).items()
    }
    for name, journey in ended.items():
        reach = journey.terms.reach
        keys = {run.key for run in person.open_runs if run.journey == name}
        if journey in starting:
            keys.add(routing.key_of(journey, event))
        had = keys_that_matter(person, reach, rows, keys)
        if had is not None:
            found[name] = had
    return found


def _last_sent(
    person: Person, one: Happened, event: Event, starting: Iterable[type[Journey]]
) -> dict[str, dict[str, datetime]]:
    runs = {run_of(journey, event, one) for journey in starting if not restarts_by_content(journey)}
    found: dict[str, dict[str, datetime]] = {}
    for row in person.rows:
        if row.workflow_id in runs and row.state in MAYBE_SENT:
            of = found.setdefault(row.workflow_id, {})
            of[row.enrolment] = max(row.decided_at, of.get(row.enrolment, row.decided_at))
    return found
