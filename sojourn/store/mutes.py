"""Mutes: somebody looks after a customer, and no promotional message leaves meanwhile.

Each is a row, from the event that begins it to the one that ends it, or to its latest end. The card
has the latest of these ends, where the gate reads it under the customer's lock with everything
else; so a mute that is committed holds every later claim, and costs the gate no statement.
"""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import delete, tuple_
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.messages import Reason
from sojourn.domain.stored import StoredEvent
from sojourn.store import holds
from sojourn.store.dialects import insert
from sojourn.store.entries import Case
from sojourn.store.tables import CustomerRow, EventRow, MuteRow

MUTES = SQLModel.metadata.tables["mutes"]

ENDED = (Reason.IN_CARE, Reason.SNOOZED, Reason.WINDOW, Reason.CAP, Reason.GAVE_WAY)
"""Reasons of holds to which a mute may have contributed, although they name another cause."""


async def begin(session: AsyncSession, person: CustomerRow, mute: MuteRow) -> None:
    """Mute a customer; the same event mutes once.

    Args:
        session: a writing transaction.
        person: the customer's row, held by `people.lock`.
        mute: the mute that begins.
    """
    row = mute.model_dump(exclude={"id"}) | {"customer_id": person.customer_id}
    connection = await session.connection()
    await connection.execute(insert(session, MUTES).on_conflict_do_nothing(), [row])
    await refresh(session, person)


async def standing(session: AsyncSession, customer_id: str) -> Sequence[MuteRow]:
    """Return the mutes that nothing has ended yet, oldest first; one may be past its latest end.

    Args:
        session: any session.
        customer_id: the id that holds everything.
    """
    query = select(MuteRow).where(
        MuteRow.customer_id == customer_id, col(MuteRow.ended_at).is_(None)
    )
    return (await session.exec(query.order_by(col(MuteRow.id)))).all()


async def of_customer(session: AsyncSession, customer_id: str) -> Sequence[MuteRow]:
    """Return every mute of a customer, oldest first.

    Args:
        session: any session.
        customer_id: the id that holds everything.
    """
    query = select(MuteRow).where(MuteRow.customer_id == customer_id)
    return (await session.exec(query.order_by(col(MuteRow.id)))).all()


async def end(
    session: AsyncSession, person: CustomerRow, mutes: Iterable[MuteRow], *, by: StoredEvent
) -> Sequence[EventRow]:
    """End mutes, and have runs whose messages they held ask again.

    Args:
        session: a writing transaction.
        person: the customer's row, held by `people.lock`.
        mutes: those to end.
        by: the event that ends them.

    Returns:
        The events that end the holds, one a run; none if no message waits.
    """
    ended = list(mutes)
    for mute in ended:
        mute.ended_at, mute.ended_by = by.occurred_at, by.message_id
        session.add(mute)
    if not ended:
        return ()
    await session.flush()
    await refresh(session, person)
    return await _ask_again(session, person, by)


async def end_of_run(
    session: AsyncSession, person: CustomerRow, workflow_id: str, *, by: StoredEvent
) -> Sequence[EventRow]:
    """End the mutes of a run, as `end` does.

    Args:
        session: as for `end`.
        person: as for `end`.
        workflow_id: the run's.
        by: as for `end`.

    Returns:
        As `end`.
    """
    on = await standing(session, person.customer_id)
    return await end(session, person, [m for m in on if m.workflow_id == workflow_id], by=by)


async def take_back(
    session: AsyncSession, person: CustomerRow, cases: Collection[Case], *, by: StoredEvent
) -> Sequence[EventRow]:
    """Take back mutes whose events have started no run after all.

    Args:
        session: as for `end`.
        person: as for `end`.
        cases: the events, and the journeys that they did not start.
        by: the event that has started nothing.

    Returns:
        As `end`.
    """
    place = tuple_(col(MuteRow.message_id), col(MuteRow.journey))
    taken = await session.exec(
        delete(MuteRow).where(place.in_(list(cases))).returning(col(MuteRow.id))
    )
    if not taken.all():
        return ()
    await refresh(session, person)
    return await _ask_again(session, person, by)


async def refresh(session: AsyncSession, person: CustomerRow) -> None:
    """Write the latest end of the customer's mutes on the card.

    Args:
        session: a writing transaction.
        person: the customer's row, held by `people.lock`.
    """
    last = max(
        await standing(session, person.customer_id), key=lambda mute: mute.until, default=None
    )
    person.in_care_until = last.until if last else None
    person.in_care_of = last.journey if last else None
    session.add(person)
    await session.flush()


async def _ask_again(
    session: AsyncSession, person: CustomerRow, by: StoredEvent
) -> Sequence[EventRow]:
    return await holds.end(
        session,
        person.customer_id,
        because=f"care/{by.message_id}",
        at=by.occurred_at,
        cured=ENDED,
    )
