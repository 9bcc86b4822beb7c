"""Alias: two ids turn out to be one person.

Everything moves to the one id in one transaction, under the locks of both. The work that is left
for open runs is kept as unrouted events: a process that dies after the commit leaves them to the
sweep.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.dispatch import muting
from sojourn.dispatch.ending import void_holds
from sojourn.domain.customer import home_zone
from sojourn.domain.errors import BadEvent
from sojourn.domain.events import Events
from sojourn.domain.ordering import earliest
from sojourn.journeys.registry import Journeys
from sojourn.journeys.terms import names
from sojourn.project import Project
from sojourn.store import Store, cards, events, holds, joining, people, runs, zones
from sojourn.store.joining import Joined
from sojourn.store.tables import EventRow, RunRow

log = logging.getLogger("sojourn.dispatch")


async def join(
    store: Store,
    previous_id: str,
    customer_id: str,
    project: Project,
    *,
    at: datetime,
    timezone: str,
    within: timedelta,
) -> Joined:
    """Join two ids; what one of them did counts for the open runs of the other.

    Runs that were planned by other clocks than those of the joined card plan by these from now on.

    Events that a run of the other id would have heard are unrouted again, so that it is told; it
    drops those that it knows. Events that start a run are not among them, for they could start it a
    second time: the gate finds them before the next message.

    Args:
        store: open.
        previous_id: the id that is given up.
        customer_id: the id that everything moves to.
        project: its journeys and events.
        at: when it was said.
        timezone: the zone of customers whose own is unknown, an IANA name.
        within: how far senders' clocks may differ.

    Returns:
        The id that holds everything now, and whether the two were joined now.
    """
    async with store.transaction() as session:
        done = await joining.join(session, previous_id, customer_id, at=at)
        if done.moved:
            await tell_again(session, done.customer_id, project, within=within)
            because = f"alias of {previous_id}"
            await holds.end(session, done.customer_id, because=because, at=at)
            await _move_clocks(session, done, timezone, because=because, at=at)
            person = await people.lock(session, done.customer_id)
            if person.in_care_until is not None:  # an end may have come under the other id
                await muting.settle(session, person, project, within=within)
    return done


async def _move_clocks(
    session: AsyncSession, done: Joined, timezone: str, *, because: str, at: datetime
) -> None:
    """Tell the open runs that were planned in another zone than the joined card's."""
    zone = home_zone(cards.card(await people.lock(session, done.customer_id)), timezone)
    given_up, kept = (home_zone(card, timezone) for card in done.former)
    elsewhere = [
        run
        for run in await runs.maybe_open(session, done.customer_id)
        if (given_up if run.id in done.runs else kept) != zone
    ]
    await zones.changed(session, elsewhere, zone, because=because, at=at)


async def tell_again(
    session: AsyncSession, customer_id: str, project: Project, *, within: timedelta
) -> None:
    """Mark as unrouted the events that a customer's open runs missed, under another id.

    It is done when two ids are joined, and once more when a run is noted that was being started
    under the former id meanwhile: nobody knew of it when the two were joined.

    Args:
        session: a writing transaction that holds the customer.
        customer_id: the id that holds everything now.
        project: its journeys and events.
        within: how far senders' clocks may differ.
    """
    for row in await _news(session, customer_id, project, within):
        row.routed_at = None
        session.add(row)
        await void_holds(session, row, project, within=within)


async def _news(
    session: AsyncSession, customer_id: str, project: Project, within: timedelta
) -> list[EventRow]:
    """Return the events that open runs may have missed because they came under another id."""
    noted = await runs.maybe_open(session, customer_id)
    if not noted:
        return []
    every = await events.of_customer(session, customer_id)
    arrived = {row.message_id: row.seq or 0 for row in every}
    begun = {run.enrolment: arrived.get(run.enrolment, 0) for run in noted}
    had = {
        name: events.keys_in(every, journey.terms.reach)
        for name, journey in project.journeys.items()
        if any(run.journey == name for run in noted)
    }
    return [
        row
        for row in every
        if _is_news(row, noted, project.journeys, had, begun, within=within)
        and _is_readable(row, project.events)
    ]


def _is_readable(row: EventRow, known: Events) -> bool:
    try:
        events.typed(row, known)
    except BadEvent as error:  # its class has become stricter; nobody can be told of it
        log.warning("the stored event %s cannot be read: %s", row.message_id, error)
        return False
    return True


def _is_news(
    row: EventRow,
    noted: Iterable[RunRow],
    journeys: Journeys,
    had: Mapping[str, Mapping[str, int]],
    begun: Mapping[str, int],
    *,
    within: timedelta,
) -> bool:
    if any(row.name in names(journey.terms.starts_on) for journey in journeys.values()):
        return False
    return any(
        row.name in journey.terms.declared
        and row.occurred_at >= earliest(run.started_at, within)
        and events.reaches(
            row, journey.terms.reach, run.key, had[run.journey], begun=begun[run.enrolment]
        )
        for run in noted
        if (journey := journeys.get(run.journey)) is not None
    )
