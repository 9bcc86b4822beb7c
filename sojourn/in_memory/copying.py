"""Copies in memory: an event that ends runs counts for the other ids of the person who did it."""

from collections.abc import Iterable

from sojourn.dispatch.copies import may_end
from sojourn.domain.events import Event, Events
from sojourn.domain.events.base import value_of
from sojourn.domain.keys import Reach
from sojourn.domain.made_ids import made_id
from sojourn.in_memory.people import Happened, Person
from sojourn.in_memory.registry import Registry
from sojourn.journeys.registry import Journeys
from sojourn.store import events


def copies(
    person: Person,
    one: Happened,
    event: Event,
    *,
    journeys: Journeys,
    registry: Registry,
    known: Events,
    also: Iterable[str] = (),
) -> list[tuple[Person, Happened]]:
    """Return copies of an event for the other ids of its person, as `dispatch.copies` does.

    Args:
        person: whose event it is.
        one: the event.
        event: the same, typed.
        journeys: of the project.
        registry: has the other customers.
        known: the project's events, by wire name.
        also: the ids that the call has beside the customer's own.

    Returns:
        The customers, each with a copy that nobody has kept yet.
    """
    reaches = may_end(event, journeys)
    if not reaches:
        return []
    told = {one: registry.people[one] for one in also if one in registry.people}
    named = {id(other) for other in told.values()}
    sharing = registry.kin(person, email=value_of(event, "email") or "")
    found = []
    for other in {id(one): one for one in (*told.values(), *sharing)}.values():
        asked = reaches if id(other) in named else [reach for reach in reaches if reach.field]
        if other is not person and any(_ends(event, reach, person, other) for reach in asked):
            copy = Happened(
                0,
                made_id(event.message_id, "as", other.customer_id),
                other.customer_id,
                one.name,
                one.occurred_at,
                one.received_at,
                event.public(),
            )
            copy.event = events.typed(copy, known)
            found.append((other, copy))
    return found


def _ends(event: Event, reach: Reach, person: Person, other: Person) -> bool:
    """Tell whether an event of one id ends runs of another one."""
    if event.event_name in reach.whole and value_of(event, "products"):
        return False
    had = events.keys_in(other.events, reach)
    if not had:
        return False
    key = reach.thing(reach.said(event.event_name, vars(event).get))
    if not key or key in had or event.event_name in reach.any_key:
        return True
    return key not in events.keys_in(person.events, reach)
