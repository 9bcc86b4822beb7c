"""Old news begins no run, and a change may begin one. Pure: other modules ask the store."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sojourn.dispatch import routing
from sojourn.domain.events import Event
from sojourn.domain.stored import StoredEvent
from sojourn.journeys.journey import Journey, restarts_by_content
from sojourn.journeys.terms import names
from sojourn.store import events


def is_old_news(
    journey: type[Journey],
    event: Event,
    row: StoredEvent,
    last_sent: Mapping[str, Mapping[str, datetime]],
    within: timedelta,
) -> bool:
    """Tell whether the journey has written about this key since the event happened.

    Its messages spoke of it, or could have: a product that comes in days late, from an app that was
    offline, does not begin the reminders again.

    Args:
        journey: one that the event would start.
        event: what happened.
        row: the same event, as it is stored.
        last_sent: when the last message left, by workflow id and enrolment.
        within: how far senders' clocks may differ.

    Returns:
        True if it begins nothing.
    """
    if not last_sent or restarts_by_content(journey):
        return False
    enrolments = last_sent.get(run_of(journey, event, row), {})
    # a crash may have come between a start and the note of it: its own messages are no later news
    others = [at for enrolment, at in enrolments.items() if enrolment != row.message_id]
    return any(row.occurred_at < at - within for at in others)


def run_of(journey: type[Journey], event: Event, row: StoredEvent) -> str:
    """Return the id of the run that an event starts.

    Args:
        journey: the run's journey.
        event: what happened.
        row: the same event, as it is stored.

    Returns:
        The workflow id.
    """
    key = routing.key_of(journey, event)
    return routing.workflow_id(journey.name, row.sent_as or row.customer_id, key)


def can_revive(journey: type[Journey], event: Event) -> bool:
    """Tell whether an event could start a run although only others do.

    It tells another value of the journey's anchor, for a time that is still to come: the
    subscription goes on, the appointment was moved.
    """
    terms = journey.terms
    return (
        bool(terms.anchor)
        and event.event_name in names(terms.restarts_on)
        and event.event_name not in names(terms.starts_on)
        and bool(not terms.key or routing.key_of(journey, event))
        and _is_ahead(getattr(event, terms.anchor, None), event.occurred_at)
    )


def revives(
    journey: type[Journey],
    event: Event,
    row: StoredEvent,
    before: Iterable[tuple[StoredEvent, Event]],
) -> bool:
    """Tell whether a change starts a run of a thing whose former run may be over.

    Args:
        journey: one that hears the event.
        event: what happened.
        row: the same event, as it is stored.
        before: the customer's events of the journey's ``starts_on`` and ``restarts_on``, oldest
            first.

    Returns:
        True if it moves the anchor that was told last. An event that moves nothing starts nothing:
        a cancelled subscription often tells its end once more.
    """
    if not can_revive(journey, event):
        return False
    told = told_before(journey, event, row, before)
    return told is not None and told != getattr(event, journey.terms.anchor)


def told_before(
    journey: type[Journey],
    event: Event,
    row: StoredEvent,
    before: Iterable[tuple[StoredEvent, Event]],
) -> object | None:
    """Return the value of the anchor that an event finds: the one that was told last.

    Args:
        journey: as for `revives`.
        event: as for `revives`.
        row: as for `revives`.
        before: as for `revives`.

    Returns:
        The value; None if none of these events has told one.
    """
    terms, key = journey.terms, routing.key_of(journey, event)
    told = [
        getattr(other, terms.anchor)
        for stored, other in before
        if stored.name in names(terms.moved_by)
        and (stored.occurred_at, stored.seq) < (row.occurred_at, row.seq)
        and events.concerns(stored, terms.reach, key)
        and getattr(other, terms.anchor, None) is not None
    ]
    return told[-1] if told else None


def _is_ahead(value: object, moment: datetime) -> bool:
    return value is not None and not (isinstance(value, datetime) and value <= moment)
