"""Ending holds: a message that is held in a run is skipped as soon as an event ends the run."""

from collections.abc import Iterable
from datetime import timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.events import Event, RunEvent
from sojourn.domain.messages import Reason
from sojourn.journeys.journey import Journey
from sojourn.journeys.registry import Journeys
from sojourn.journeys.terms import names
from sojourn.project import Project
from sojourn.store import events, runs, settling
from sojourn.store.tables import EventRow, RunRow


async def void_holds(
    session: AsyncSession, row: EventRow, project: Project, *, within: timedelta
) -> None:
    """Skip what is held in the customer's runs that a stored event ends.

    Args:
        session: a writing transaction that holds the customer.
        row: the event.
        project: its journeys and events.
        within: how far senders' clocks may differ.
    """
    event = events.typed(row, project.events)
    noted = await runs.maybe_open(session, row.customer_id)
    await void_holds_of(session, row, event, noted, project.journeys, within=within)


async def void_holds_of(
    session: AsyncSession,
    row: EventRow,
    event: Event,
    open_runs: Iterable[RunRow],
    journeys: Journeys,
    *,
    within: timedelta,
) -> None:
    """Skip what is held in those of these runs that an event ends.

    Args:
        session: a writing transaction that holds the customer.
        row: the event.
        event: the same, typed.
        open_runs: the customer's runs that were not found closed yet.
        journeys: the project's.
        within: how far senders' clocks may differ.
    """
    for name, journey in journeys.heard_by(event.event_name).items():
        reason, reach = _ends(journey, event), journey.terms.reach
        own = [
            run
            for run in open_runs
            if run.journey == name
            and not (isinstance(event, RunEvent) and event.run not in (None, "", run.workflow_id))
        ]
        if reason is None or not own:
            continue
        keys = {run.key for run in own}
        had = await events.keys_that_matter(session, [row.customer_id], reach, [row], keys)
        ended = [run.workflow_id for run in own if events.reaches(row, reach, run.key, had)]
        if ended:
            # one that also begins a run counts by its moment among its like (`Terms.exact`)
            begins = row.name in names(journey.terms.starts_on)
            await settling.void_holds(
                session,
                ended,
                reason=reason.value,
                cause=row,
                within=timedelta(0) if begins else within,
            )


def _ends(journey: type[Journey], event: Event) -> Reason | None:
    if event.event_name in names(journey.terms.goal):
        return Reason.GOAL_REACHED
    return Reason.RUN_STOPPED if event.event_name in names(journey.terms.stops) else None
