"""Suppose that an event came: which run it would start, or why it would start none.

The judgement is that on real events (`dispatch.planning`); nothing is stored, and no run is told.
"""

from datetime import timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.dispatch.enough import plan
from sojourn.dispatch.entering import Judge
from sojourn.dispatch.entries import ended_by_store
from sojourn.dispatch.knowing import before_of, held_back_of, last_sent_of, since_of
from sojourn.dispatch.planning import Known, Planned
from sojourn.domain.events import Event
from sojourn.journeys.journey import Journey
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import cards, runs
from sojourn.store.tables import CustomerRow, EventRow


async def supposed(
    session: AsyncSession,
    person: CustomerRow,
    journey: type[Journey],
    row: EventRow,
    event: Event,
    *,
    project: Project,
    settings: Settings,
    clock: timedelta = timedelta(0),
) -> Planned:
    """Tell what an event would start of one journey.

    The store tells which of the customer's runs are open; it may be behind Temporal.

    Args:
        session: any session.
        person: the customer's row.
        journey: that it might start.
        row: the event as it would be stored; its number comes after every other.
        event: the same event.
        project: its journeys and events.
        settings: for the zone of a customer who never named one, and the clocks of senders.
        clock: the journeys' clock minus the machine's.

    Returns:
        The plan, or the reason why it would start nothing.
    """
    only = Journeys([journey], off=project.journeys.off & {journey.name})
    waiting = {person.customer_id: [(row, event)]}
    since = await since_of(session, waiting, only, settings.clock_skew)
    noted = await runs.maybe_open(session, person.customer_id)
    before = (await before_of(session, waiting, project)).get(person.customer_id, [])
    judge = Judge(only, settings.timezone, clock, project.topics.own)
    known = Known(
        customer=cards.card(person),
        open_runs=noted,
        before=before,
        last_sent=await last_sent_of(session, waiting, only),
        held_back=await held_back_of(session, waiting, only),
        verdicts={
            (row.message_id, journey.name): await judge.verdict(
                session, person, row, journey, event
            )
        },
        looked_up=frozenset(run.workflow_id for run in noted),
        ended=await ended_by_store(session, waiting[person.customer_id], noted, project),
    )
    return await plan(
        session,
        known,
        waiting[person.customer_id],
        since.get(person.customer_id),
        only,
        timezone=settings.timezone,
        clock=clock,
        within=settings.clock_skew,
    )
