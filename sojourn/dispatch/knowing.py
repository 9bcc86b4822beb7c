"""The store's knowledge of customers whose events are to be routed, for `planning.Known`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.dispatch import routing
from sojourn.dispatch.beginning import can_revive, run_of, told_before
from sojourn.dispatch.planning import names_since, place_of, readable
from sojourn.domain.events import Event
from sojourn.domain.ordering import Place
from sojourn.domain.stored import NotedRun
from sojourn.domain.switches import Part, first
from sojourn.journeys.journey import Journey, restarts_by_content
from sojourn.journeys.registry import Journeys
from sojourn.journeys.terms import names
from sojourn.project import Project
from sojourn.store import events, ledger, switches
from sojourn.store.tables import EventRow

PAGE = 100
"""Events of a customer that are read at a time, until a plan needs to know of no more."""


@dataclass(frozen=True)
class Since:
    """Events that concern the runs that a customer's waiting events would start.

    Args:
        place: the oldest moment and the lowest number of these waiting events.
        rows: the events, oldest first.
        is_cut: there may be more, later ones.
    """

    place: Place
    rows: Sequence[EventRow]
    is_cut: bool


async def since_of(
    session: AsyncSession,
    waiting: dict[str, list[tuple[EventRow, Event]]],
    journeys: Journeys,
    within: timedelta,
) -> dict[str, Since]:
    """Read the first events that concern the runs that waiting events would start.

    Args:
        session: any session.
        waiting: events of each customer, oldest first.
        journeys: of the project.
        within: how far senders' clocks may differ.

    Returns:
        Up to `PAGE` events of each customer with a start among those that wait.
    """
    starting = {
        customer_id: _place(pairs, journeys)
        for customer_id, pairs in waiting.items()
        if any(_started(journeys, event) for _, event in pairs)
    }
    # by the names that concern each: events that one customer sends by the thousand, and that no
    # run about to start has to know of, are not read
    alike: dict[frozenset[str], list[str]] = {}
    for customer_id in starting:
        started = {
            one.name: one for _, event in waiting[customer_id] for one in _started(journeys, event)
        }
        alike.setdefault(names_since(started.values(), journeys), []).append(customer_id)
    found: dict[str, list[EventRow]] = {}
    for wanted, customers in alike.items():
        oldest = _first(starting[customer_id] for customer_id in customers)
        found |= await events.oldest_newer(
            session, customers, wanted, than=oldest, within=within, each=PAGE
        )
    return {
        customer_id: Since(place, rows, is_cut=len(rows) >= PAGE)
        for customer_id, place in starting.items()
        for rows in [found.get(customer_id, [])]
    }


def _place(pairs: Iterable[tuple[EventRow, Event]], journeys: Journeys) -> Place:
    """Return the place before which no event concerns a run that these begin."""
    return _first(
        place_of(row)
        for row, event in pairs
        if _started(journeys, event)
        or any(can_revive(one, event) for one in journeys.heard_by(event.event_name).values())
    )


def _first(places: Iterable[Place]) -> Place:
    moments, numbers = zip(*places, strict=True)
    return min(moments), min(numbers)


async def had_of(
    session: AsyncSession,
    waiting: Sequence[tuple[EventRow, Event]],
    noted: Sequence[NotedRun],
    since: Sequence[EventRow],
    journeys: Journeys,
) -> dict[str, Mapping[str, int]]:
    """Read the keys that a customer has had, for journeys where the runs concerned depend on them.

    Args:
        session: any session.
        waiting: events of one customer.
        noted: the customer's runs that may be open.
        since: the events that concern the runs they would start, as far as they were read.
        journeys: of the project.

    Returns:
        The arrival of the first start of each key, by journey.
    """
    found: dict[str, Mapping[str, int]] = {}
    ending = {row.name for row, _ in waiting} | {row.name for row in since}
    for name, journey in {
        n: j for one in ending for n, j in journeys.ended_by(one).items()
    }.items():
        reach = journey.terms.reach
        keys = {run.key for run in noted if run.journey == name}
        keys |= {routing.key_of(journey, e) for _, e in waiting if routing.starts(journey, e)}
        rows = [*(row for row, _ in waiting), *since]
        had = await events.keys_that_matter(session, [rows[0].customer_id], reach, rows, keys)
        if had is not None:
            found[name] = had
    return found


async def before_of(
    session: AsyncSession, waiting: dict[str, list[tuple[EventRow, Event]]], project: Project
) -> dict[str, list[tuple[EventRow, Event]]]:
    """Read what has told or moved an anchor, for customers with a change that waits.

    Args:
        session: any session.
        waiting: events of each customer, oldest first.
        project: its journeys and events.

    Returns:
        The newest events of each such customer, oldest first: so many that each change finds what
        was told before it, or all.
    """
    found: dict[str, list[tuple[EventRow, Event]]] = {}
    for customer_id, pairs in waiting.items():
        changes = [
            (journey, event, row)
            for row, event in pairs
            for journey in project.journeys.heard_by(event.event_name).values()
            if can_revive(journey, event)
        ]
        if changes:
            found[customer_id] = await _before(session, customer_id, changes, project)
    return found


async def _before(
    session: AsyncSession,
    customer_id: str,
    changes: Sequence[tuple[type[Journey], Event, EventRow]],
    project: Project,
) -> list[tuple[EventRow, Event]]:
    wanted = {name for journey, _, _ in changes for name in names(journey.terms.moved_by)}
    found: list[tuple[EventRow, Event]] = []
    upto = max(place_of(row) for _, _, row in changes)
    while True:
        page = await events.newest_before(session, customer_id, wanted, upto, limit=PAGE)
        found = readable(page, project.events)[0] + found
        if len(page) < PAGE or all(told_before(*one, found) is not None for one in changes):
            return found
        upto = place_of(page[0])


async def last_sent_of(
    session: AsyncSession,
    waiting: dict[str, list[tuple[EventRow, Event]]],
    journeys: Journeys,
    *,
    in_shadow: bool = False,
) -> Mapping[str, Mapping[str, datetime]]:
    """Read when the runs that waiting events would start have last written.

    Args:
        session: any session.
        waiting: events of each customer, oldest first.
        journeys: of the project.
        in_shadow: read when they would have, of those in shadow.

    Returns:
        The moments, by workflow id and enrolment.
    """
    if in_shadow and not journeys.shadow:
        return {}
    starting = {
        run_of(journey, event, row)
        for pairs in waiting.values()
        for row, event in pairs
        for journey in journeys.heard_by(event.event_name).values()
        if routing.starts(journey, event) and not restarts_by_content(journey)
    }
    return await ledger.last_sent(session, starting, in_shadow=in_shadow)


async def held_back_of(
    session: AsyncSession, waiting: dict[str, list[tuple[EventRow, Event]]], journeys: Journeys
) -> Mapping[str, str]:
    """Read who holds entries back, and why, for the journeys that waiting events may start.

    Args:
        session: any session.
        waiting: events of each customer, oldest first.
        journeys: of the project.

    Returns:
        The words, by journey.
    """
    heard = {event.event_name for pairs in waiting.values() for _, event in pairs}
    entered = {
        name: journey
        for event in heard
        for name, journey in journeys.heard_by(event).items()
        if event in names((*journey.terms.starts_on, *journey.terms.restarts_on))
    }
    if not entered:
        return {}
    on = [switches.switch(row) for row in await switches.on(session, Part.ENTRIES)]
    found = {
        name: first(on, journey=name, topics=[journey.topic]) for name, journey in entered.items()
    }
    return {
        name: f"{switch.by} held entries back: {switch.because}"
        for name, switch in found.items()
        if switch is not None
    }


def _started(journeys: Journeys, event: Event) -> list[type[Journey]]:
    """Return the journeys of which an event starts a run."""
    heard_by = journeys.heard_by(event.event_name).values()
    return [journey for journey in heard_by if routing.starts(journey, event)]
