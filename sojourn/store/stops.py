"""Stops: an operator ends a run. The stop is an event of the customer, stored under their lock.

So the gate finds it like a purchase, a run hears it like any event, and a sweep tells runs that
could not be told at once.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.events import LONGEST_ID, JourneyStopped
from sojourn.domain.tasks import WhyClosed
from sojourn.domain.text import LONGEST_NOTE, bounded, writable
from sojourn.store import mutes, ours, people, settling, tasks
from sojourn.store.tables import EventRow

_JUST_AFTER = timedelta(microseconds=1)


async def note(
    session: AsyncSession,
    customer_id: str,
    workflow_id: str,
    *,
    journey: str,
    asked: str,
    because: str,
    at: datetime,
    by: str = "",
    told: bool = False,
) -> EventRow:
    """Note that a run is stopped, and skip its waiting messages. The same request is noted once.

    Once this is committed, the gate lets no message of the run pass. A run that begins later under
    the same workflow id is another one.

    Args:
        session: a writing transaction.
        customer_id: the run's customer, by any id.
        workflow_id: the run's.
        journey: its journey's name.
        asked: names the request.
        because: why, in the operator's words.
        at: the moment, by the journey's clock.
        by: the operator's name.
        told: the run knows already, and need not be told.

    Returns:
        The stop.
    """
    person = await people.lock(session, customer_id)
    # another machine's clock may be ahead: a stop counts after all stored events
    newest = (
        await session.exec(
            select(func.max(EventRow.occurred_at)).where(EventRow.customer_id == person.customer_id)
        )
    ).one()
    event = JourneyStopped(
        message_id=bounded(f"stop/{asked}", LONGEST_ID, prefix="stop/"),
        customer_id=person.customer_id,
        occurred_at=max(at, newest + _JUST_AFTER) if newest else at,
        journey=journey,
        run=workflow_id,
        because=writable(because, LONGEST_NOTE),
        by=by or None,
    )
    row, _ = await ours.write(session, event, told_at=datetime.now(UTC) if told else None)
    await settling.void_waiting(session, workflow_id, cause=row)
    if person.in_care_until is not None:
        await mutes.end_of_run(session, person, workflow_id, by=row)
    await tasks.close_all_of(
        session, person, workflow_id, at=row.occurred_at, because=WhyClosed.RUN_STOPPED
    )
    return row
