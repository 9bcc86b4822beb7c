"""Muting in memory: while somebody looks after a customer, nothing promotional leaves."""

from datetime import timedelta

from sojourn.dispatch import routing
from sojourn.dispatch.beginning import run_of
from sojourn.dispatch.entering import Verdicts
from sojourn.domain.events import Event, Events
from sojourn.domain.ordering import counts_for
from sojourn.in_memory.knowing import keys_that_matter
from sojourn.in_memory.people import Happened, Mute, Person
from sojourn.journeys.registry import Journeys
from sojourn.journeys.terms import names
from sojourn.store import events


def begin(
    person: Person, one: Happened, event: Event, verdicts: Verdicts, journeys: Journeys
) -> bool:
    """Begin the mutes of a customer by an event, as `dispatch.muting` does.

    Args:
        person: the customer.
        one: the event.
        event: the same, typed.
        verdicts: the judgements on it.
        journeys: of the project.

    Returns:
        True if mutes may have begun or ended.
    """
    concerned = False
    for name, journey in journeys.muting.items():
        terms = journey.terms
        if one.name not in terms.declared:
            continue
        concerned |= terms.is_ended_by(one.name)
        verdict = verdicts.get((one.message_id, name))
        refused = verdict is not None and verdict.reason is not None
        if name in journeys.off or refused or not routing.starts(journey, event):
            continue
        assert terms.mutes is not None
        key, until = routing.key_of(journey, event), one.occurred_at + terms.mutes
        person.mutes.append(
            Mute(one.message_id, name, run_of(journey, event, one), key, one, until)
        )
        person.is_changed()
        concerned = True
    return concerned and bool(person.mutes)


def ended_by(
    person: Person, mute: Mute, journeys: Journeys, known: Events, *, within: timedelta
) -> Happened | None:
    """Return the event that has ended the run of a mute; None if none has.

    Args:
        person: the customer.
        mute: the mute.
        journeys: of the project.
        known: the project's events, by wire name.
        within: how far senders' clocks may differ.

    Returns:
        The event.
    """
    start = mute.start
    if start is None:
        return None  # that of a task ends with it
    terms = journeys.muting[mute.journey].terms
    exact, reach = terms.exact(start.name), terms.reach
    ends = names((*terms.goal, *terms.stops))
    found = sorted(
        (one for name in ends for one in person.by_name.get(name, ())), key=lambda one: one.place
    )
    had = keys_that_matter(person, reach, found, [mute.key])
    for one in found:
        tolerance = timedelta(0) if one.name in exact else within
        if (
            counts_for(one.place, start.place, within=tolerance)
            and events.reaches(one, reach, mute.key, had, begun=start.seq)
            and not events.is_of_another_run(one, mute.workflow_id, known)
        ):
            return one
    return None
