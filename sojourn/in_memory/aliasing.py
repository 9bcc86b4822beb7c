"""Two ids turn out to be one person, in memory: everything moves to the one id."""

from collections.abc import Mapping
from datetime import timedelta

from sojourn.domain.card_words import newer
from sojourn.domain.ordering import earliest
from sojourn.in_memory import limiting
from sojourn.in_memory.people import Happened, Noted, Person
from sojourn.in_memory.registry import Registry
from sojourn.journeys.registry import Journeys
from sojourn.journeys.terms import names
from sojourn.store import events


def join(registry: Registry, old: Person, new: Person) -> None:
    """Move everything from one customer to another, as `store.joining` does.

    Args:
        registry: of the customers.
        old: whose id becomes another name of the other's.
        new: who holds everything from now on.
    """
    for one in old.events:
        one.sent_as = one.sent_as or one.customer_id
        one.customer_id = new.customer_id
    for row in old.rows:
        row.customer_id = new.customer_id
    new.events = sorted([*old.events, *new.events], key=lambda one: one.seq)
    new.by_name = {}
    for one in new.events:
        new.by_name.setdefault(one.name, []).append(one)
    new.last = max(old.last, new.last)
    new.words = {**old.words, **newer(new.words, than=old.words)}
    new.said = sorted([*old.said, *new.said], key=lambda one: one.id)
    new.runs = sorted([*old.runs, *new.runs], key=lambda one: one.id)
    new.rows = sorted([*old.rows, *new.rows], key=lambda row: row.number)
    new.mutes = [*old.mutes, *new.mutes]
    for message_id, calls in old.calls.items():
        new.calls.setdefault(message_id, []).extend(calls)
    for journey, begun in old.begun.items():
        new.begun.setdefault(journey, []).extend(begun)
    for experiment, variants in old.variants.items():
        new.variants[experiment] = [*variants, *new.variants.get(experiment, ())]
    new.known = new.known or old.known
    new.is_merged = True
    limiting.join(registry, old, new)
    registry.joined(old, new)
    new.is_changed()
    registry.moved(new)


def missed(person: Person, journeys: Journeys, *, within: timedelta) -> list[Happened]:
    """Return the events that open runs of a joined person may have missed, oldest first.

    Events that start runs are not among them, as in `dispatch.aliasing`.

    Args:
        person: the customer.
        journeys: of the project.
        within: how far senders' clocks may differ.

    Returns:
        The events.
    """
    noted = person.open_runs
    starting = {name for one in journeys.values() for name in names(one.terms.starts_on)}
    had = {
        name: events.keys_in(person.events, journeys[name].terms.reach)
        for name in {run.journey for run in noted}
    }
    ordered = sorted(person.events, key=lambda one: one.place)
    return [
        one
        for one in ordered
        if one.event is not None
        and one.name not in starting
        and any(_is_news(one, run, journeys, had, within) for run in noted)
    ]


def _is_news(
    one: Happened,
    run: Noted,
    journeys: Journeys,
    had: Mapping[str, Mapping[str, int]],
    within: timedelta,
) -> bool:
    terms, start = journeys[run.journey].terms, run.run.enrolment.start
    return (
        one.name in terms.declared
        and one.occurred_at >= earliest(start.at, within)
        and events.reaches(one, terms.reach, run.key, had[run.journey], begun=start.seq)
    )
