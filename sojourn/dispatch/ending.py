"""Ending holds: a held message is skipped as soon as an event ends its run or begins it again."""

from collections.abc import Iterable
from datetime import timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.errors import BadEvent, UnknownName
from sojourn.domain.events import Event, Events, RunEvent
from sojourn.domain.messages import EDITION, Enrolment, Reason
from sojourn.journeys.journey import Journey, cause_after
from sojourn.journeys.terms import names
from sojourn.project import Project
from sojourn.store import events, ledger, settling
from sojourn.store.tables import EventRow, LedgerRow, RunRow


async def void_holds_of(
    session: AsyncSession,
    row: EventRow,
    event: Event,
    open_runs: Iterable[RunRow],
    project: Project,
    *,
    within: timedelta,
) -> bool:
    """Skip the held messages of those of these runs that an event ends, or begins again.

    Args:
        session: a writing transaction that holds the customer.
        row: the event.
        event: the same, typed.
        open_runs: the customer's runs that were not found closed yet.
        project: its journeys and events.
        within: how far senders' clocks may differ.

    Returns:
        True if other runs of the customer are to ask again: events stored now tell them so.
    """
    woken = 0
    for name, journey in project.journeys.heard_by(event.event_name).items():
        reason, reach = _ends(journey, event), journey.terms.reach
        own = [
            run
            for run in open_runs
            if run.journey == name
            and not (isinstance(event, RunEvent) and event.run not in (None, "", run.workflow_id))
        ]
        restarts = event.event_name in names(journey.terms.moved_by)
        if (reason is None and not restarts) or not own:
            continue
        keys = {run.key for run in own}
        had = await events.keys_that_matter(session, [row.customer_id], reach, [row], keys)
        concerned = [run for run in own if events.reaches(row, reach, run.key, had)]
        if reason is None:
            woken += await _supersede(session, row, concerned, journey, project.events)
        elif concerned:
            # an event that also begins a run counts by its moment alone (`Terms.exact`)
            begins = row.name in names(journey.terms.starts_on)
            woken += await settling.void_holds(
                session,
                [run.workflow_id for run in concerned],
                reason=reason.value,
                cause=row,
                within=timedelta(0) if begins else within,
            )
    return woken > 0


async def _supersede(
    session: AsyncSession,
    row: EventRow,
    concerned: Iterable[RunRow],
    journey: type[Journey],
    known: Events,
) -> int:
    """Skip the held messages of those of these runs whose steps an event begins again."""
    woken = 0
    keys = {run.workflow_id: run.key for run in concerned}
    for held in await ledger.held(session, keys):
        begun = await _begun_by(session, held, keys[held.workflow_id], journey, known)
        if begun == row.message_id:
            woken += await settling.void_holds(
                session, [held.workflow_id], reason=Reason.SUPERSEDED.value, cause=row
            )
    return woken


async def _begun_by(
    session: AsyncSession, held: LedgerRow, key: str, journey: type[Journey], known: Events
) -> str:
    """Return the id of the event that the steps of a held message's run count from now.

    The run itself decides whether an event begins its steps again; here its decision is predicted
    from what the store has. If that is wrong, the run asks again at the end of the hold.
    """
    start = await events.find(session, held.enrolment)
    if start is None or start.seq is None:
        return ""
    try:
        begun = events.heard(start, events.typed(start, known))
    except (BadEvent, UnknownName):
        return ""  # its class has become stricter; the run has it in its history
    news = await events.newer(
        session,
        held.customer_id,
        names(journey.terms.moved_by),
        than=begun.order,
        reach=journey.terms.reach,
        key=key,
        known=known,
        run=held.workflow_id,
    )
    enrolment = Enrolment(customer_id=held.customer_id, key=key, start=begun, edition=EDITION)
    return cause_after(journey, enrolment, sorted(news, key=lambda event: event.seq)).id


def _ends(journey: type[Journey], event: Event) -> Reason | None:
    if event.event_name in names(journey.terms.goal):
        return Reason.GOAL_REACHED
    return Reason.RUN_STOPPED if event.event_name in names(journey.terms.stops) else None
