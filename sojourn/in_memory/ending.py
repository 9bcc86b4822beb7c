"""Ending holds in memory: a held message is skipped once an event ends its run, or restarts it."""

from datetime import timedelta

from sojourn.domain.events import Event, RunEvent
from sojourn.domain.messages import EDITION, Enrolment, MessageClass, Reason
from sojourn.domain.ordering import counts_for
from sojourn.domain.states import MessageState
from sojourn.in_memory.knowing import keys_that_matter
from sojourn.in_memory.people import Happened, Noted, Person
from sojourn.in_memory.registry import Registry
from sojourn.journeys.journey import Journey, cause_after
from sojourn.journeys.registry import Journeys
from sojourn.journeys.terms import names
from sojourn.store import events


def void_holds(
    person: Person,
    one: Happened,
    event: Event,
    journeys: Journeys,
    registry: Registry,
    *,
    within: timedelta,
) -> bool:
    """Skip the held messages of runs that an event ends or begins again, as `dispatch.ending` does.

    Args:
        person: the customer.
        one: the event.
        event: the same, typed.
        journeys: of the project.
        registry: has the events that began the runs.
        within: how far senders' clocks may differ.

    Returns:
        True if one of them may have kept a slot of a cap.
    """
    waiting = {row.workflow_id for row in person.held()} if person.rows else set()
    freed = False
    for name, journey in journeys.heard_by(one.name).items() if waiting else ():
        reason, reach = _reason(journey, one.name), journey.terms.reach
        own = [run for run in person.open_runs if run.journey == name]
        own = [run for run in own if run.workflow_id in waiting and not _of_another(event, run)]
        if (reason is None and one.name not in names(journey.terms.moved_by)) or not own:
            continue
        had = keys_that_matter(person, reach, [one], {run.key for run in own})
        for run in own:
            if not events.reaches(one, reach, run.key, had):
                continue
            if reason is None and not _begins_again(person, journey, run, one):
                continue
            # an event that also begins a run counts by its moment alone (`Terms.exact`)
            begins = one.name in names(journey.terms.starts_on)
            tolerance = timedelta(0) if begins or reason is None else within
            why = reason or Reason.SUPERSEDED
            freed |= _void(person, run, why, one, registry, within=tolerance)
    return freed


def _void(
    person: Person,
    run: Noted,
    reason: Reason,
    cause: Happened,
    registry: Registry,
    *,
    within: timedelta,
) -> bool:
    voided = False
    for row in person.held():
        start = registry.events.get(row.enrolment)
        if row.workflow_id != run.workflow_id or start is None:
            continue
        if counts_for(cause.place, start.place, within=within):
            row.state, row.reason = MessageState.SKIPPED, reason
            row.caused_by = cause.message_id
            voided |= row.message_class is MessageClass.PROMOTIONAL
    return voided


def _begins_again(person: Person, journey: type[Journey], run: Noted, one: Happened) -> bool:
    """Tell whether an event is the one from which the steps of a run count by now."""
    enrolment, reach = run.run.enrolment, journey.terms.reach
    start = enrolment.start.order
    news = [
        events.heard(other, other.event)
        for name in names(journey.terms.moved_by)
        for other in person.by_name.get(name, ())
        if other.event is not None
        and other.event.is_whole
        and other.place > start
        and events.reaches(other, reach, run.key, None, begun=start[1])
    ]
    bare = Enrolment(
        customer_id=enrolment.customer_id, key=run.key, start=enrolment.start, edition=EDITION
    )
    cause = cause_after(journey, bare, sorted(news, key=lambda heard: heard.seq))
    return cause.id == one.message_id


def _of_another(event: Event, run: Noted) -> bool:
    """Tell whether an event concerns one run alone, and not this one."""
    return isinstance(event, RunEvent) and event.run not in (None, "", run.workflow_id)


def _reason(journey: type[Journey], name: str) -> Reason | None:
    if name in names(journey.terms.goal):
        return Reason.GOAL_REACHED
    return Reason.RUN_STOPPED if name in names(journey.terms.stops) else None
