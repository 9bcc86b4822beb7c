"""Muting: from the event that starts a run of a journey with ``mutes``, until one that ends it.

Both are done in the transaction that stores the event, under the customer's lock: no claim that
comes after an acknowledged complaint misses it. The gate's own question tells which stored event
ends a run, so that one that arrives early, late or under another id counts the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.dispatch import routing
from sojourn.dispatch.beginning import run_of
from sojourn.dispatch.entering import Pair, Verdicts
from sojourn.dispatch.planning import Refused
from sojourn.domain.events import Event
from sojourn.domain.messages import Heard
from sojourn.domain.ordering import counts_for
from sojourn.journeys.journey import Journey
from sojourn.journeys.terms import names
from sojourn.project import Project
from sojourn.store import events, mutes, people
from sojourn.store.tables import CustomerRow, EventRow, MuteRow


async def hear(
    session: AsyncSession,
    person: CustomerRow,
    pairs: Iterable[Pair],
    verdicts: Verdicts,
    project: Project,
    *,
    within: timedelta,
) -> bool:
    """Begin and end the mutes of a customer by events that were stored just now.

    Args:
        session: a writing transaction that has stored the events.
        person: the customer's row, held.
        pairs: the events.
        verdicts: the judgements on those that could start runs.
        project: its journeys and events.
        within: how far senders' clocks may differ.

    Returns:
        True if runs of the customer are to ask again: events stored now tell them so.
    """
    journeys = project.journeys.muting
    if not journeys:
        return False
    concerned = False
    for row, event in pairs:
        for name, journey in journeys.items():
            if event.event_name not in journey.terms.declared:
                continue
            concerned |= journey.terms.is_ended_by(event.event_name)
            verdict = verdicts.get((row.message_id, name))
            refused = verdict is not None and verdict.reason is not None
            if name in project.journeys.at_rest or refused or not routing.starts(journey, event):
                continue
            await begin(session, person, row, event, journey=journey)
            concerned = True
    if not concerned or person.in_care_until is None:
        return False
    return await settle(session, person, project, within=within)


async def begin(
    session: AsyncSession,
    person: CustomerRow,
    row: EventRow,
    event: Event,
    *,
    journey: type[Journey],
    workflow_id: str = "",
) -> None:
    """Mute a customer from the event that starts a run.

    Args:
        session: a writing transaction.
        person: the customer's row, held.
        row: the event.
        event: the same, typed.
        journey: of the run.
        workflow_id: the run's; empty: the one that the event starts.
    """
    assert journey.terms.mutes is not None
    mute = MuteRow(
        customer_id=person.customer_id,
        message_id=row.message_id,
        journey=journey.name,
        workflow_id=workflow_id or run_of(journey, event, row),
        key=routing.key_of(journey, event),
        at=row.occurred_at,
        until=row.occurred_at + journey.terms.mutes,
    )
    await mutes.begin(session, person, mute)


async def settle(
    session: AsyncSession, person: CustomerRow, project: Project, *, within: timedelta
) -> bool:
    """End the mutes of a customer whose runs a stored event has ended.

    Args:
        session: a writing transaction.
        person: the customer's row, held.
        project: its journeys and events.
        within: how far senders' clocks may differ.

    Returns:
        As `hear`.
    """
    woken = False
    for mute in await mutes.standing(session, person.customer_id):
        if mute.journey not in project.journeys.muting:
            continue  # of no journey in this code
        start = await events.find(session, mute.message_id)
        if start is None:
            continue
        found = await _ended_by(session, mute, start, project, within=within)
        by = await events.find(session, found.id) if found is not None else None
        if by is not None:
            woken |= bool(await mutes.end(session, person, [mute], by=by))
    return woken


async def _ended_by(
    session: AsyncSession,
    mute: MuteRow,
    start: EventRow,
    project: Project,
    *,
    within: timedelta,
) -> Heard | None:
    """Return the event that has ended the run, as the run and the gate judge it."""
    terms = project.journeys.muting[mute.journey].terms
    ends = names((*terms.goal, *terms.stops))
    exact = terms.exact(start.name)
    assert start.seq is not None
    begun = (start.occurred_at, start.seq)
    news = await events.newer(
        session,
        mute.customer_id,
        ends,
        than=begun,
        reach=terms.reach,
        key=mute.key,
        known=project.events,
        run=mute.workflow_id,
        regardless=ends,
        within=within,
    )
    for event in news:
        tolerance = timedelta(0) if event.name in exact else event.within
        if counts_for(event.order, begun, within=tolerance):
            return event
    return None


async def take_back(
    session: AsyncSession,
    refused: Sequence[Refused],
    project: Project,
    people_held: Mapping[str, CustomerRow],
) -> set[str]:
    """Take back the mutes of starts that were refused after all.

    Args:
        session: a writing transaction.
        refused: the starts.
        project: its journeys and events.
        people_held: rows of customers that are held, by their ids.

    Returns:
        The customers with runs that are to ask again.
    """
    woken: set[str] = set()
    for one in refused:
        if one.journey not in project.journeys.muting:
            continue
        held = people_held.get(one.row.customer_id)
        person = held or await people.lock(session, one.row.customer_id)
        case = (one.row.message_id, one.journey)
        if await mutes.take_back(session, person, [case], by=one.row):
            woken.add(person.customer_id)
    return woken
