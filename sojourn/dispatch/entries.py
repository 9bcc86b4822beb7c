"""The end of judgements on entry, once runs were told: some are kept, the others dropped."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.dispatch.entering import Pair, entering
from sojourn.dispatch.lanes import Told
from sojourn.dispatch.planning import Refused
from sojourn.journeys.terms import names
from sojourn.project import Project
from sojourn.store import entries, events
from sojourn.store.entries import Case
from sojourn.store.tables import EntryRow, RunRow


async def note_refused(session: AsyncSession, refused: Iterable[Refused]) -> None:
    """Keep the reasons of refused starts, as far as they are not kept yet.

    Args:
        session: a writing transaction that holds their customers.
        refused: the starts.
    """
    rows = [
        EntryRow(
            message_id=one.row.message_id,
            journey=one.journey,
            customer_id=one.row.customer_id,
            key=one.key,
            workflow_id=one.workflow_id,
            taken=False,
            reason=one.reason.value,
            because=one.because,
            at=one.row.occurred_at,
            judged_at=datetime.now(UTC),
        )
        for one in refused
        if not one.kept
    ]
    await entries.put(session, rows)


async def settle_entries(session: AsyncSession, told: Iterable[Told]) -> list[Refused]:
    """Forget judgements on events that open runs have heard: they were no entries.

    Args:
        session: a writing transaction that holds the customers.
        told: the plans that were carried out.

    Returns:
        The starts that were refused: no run was open that could have heard the event.
    """
    dropped: list[Case] = []
    refused: list[Refused] = []
    for work in told:
        plan, started = work.plan, {row.journey for row in work.started}
        reached = {t.journey for t in plan.targets if t.workflow_id in work.reached}
        refused += [one for one in plan.refused if one.journey not in reached]
        open_before = {t.journey for t in plan.targets if t.workflow_id in plan.open_runs}
        heard = plan.judged & (reached & open_before) - started
        dropped += [(plan.row.message_id, name) for name in heard]
    await entries.drop(session, dropped)
    await note_refused(session, refused)
    return refused


async def ended_by_store(
    session: AsyncSession, pairs: Sequence[Pair], noted: Sequence[RunRow], project: Project
) -> frozenset[str]:
    """Return the runs that a stored event has ended, of journeys that select their customers.

    Such a run may still be open for a moment.

    Args:
        session: any session.
        pairs: the customer's waiting events.
        noted: the customer's runs that were not found closed yet.
        project: its journeys and events.

    Returns:
        Their workflow ids.
    """
    selecting = {journey.name: journey for _, journey, _ in entering(project.journeys, pairs)}
    found: set[str] = set()
    for run in noted:
        if run.journey not in selecting:
            continue
        terms = selecting[run.journey].terms
        begun = await events.find(session, run.enrolment)
        if begun is None or begun.seq is None:
            continue
        ends = names((*terms.goal, *terms.stops))
        if await events.newer(
            session,
            run.customer_id,
            ends,
            than=(begun.occurred_at, begun.seq),
            reach=terms.reach,
            key=run.key,
            known=project.events,
            run=run.workflow_id,
            regardless=ends,
        ):
            found.add(run.workflow_id)
    return frozenset(found)
