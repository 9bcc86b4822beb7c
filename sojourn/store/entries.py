"""Judgements on events that could start a run: whether they did, and why not."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, tuple_, union_all
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.again import Begun
from sojourn.store.dialects import insert
from sojourn.store.tables import EntryRow, RunRow

ENTRIES = SQLModel.metadata.tables["entries"]

Case = tuple[str, str]
"""The message id of an event, and the name of a journey."""


async def put(session: AsyncSession, rows: Sequence[EntryRow]) -> None:
    """Keep judgements; a new one replaces the former on the same event and journey.

    Args:
        session: a writing transaction that holds their customers.
        rows: the judgements.
    """
    if not rows:
        return
    adding = insert(session, ENTRIES)
    changed = {name: adding.excluded[name] for name in ("taken", "reason", "because", "judged_at")}
    connection = await session.connection()
    await connection.execute(
        adding.on_conflict_do_update(index_elements=["message_id", "journey"], set_=changed),
        [row.model_dump(exclude={"id"}) for row in rows],
    )


async def of_events(
    session: AsyncSession, message_ids: Iterable[str], journeys: Iterable[str]
) -> Mapping[Case, EntryRow]:
    """Return the judgements on some events for some journeys.

    Args:
        session: any session.
        message_ids: the message ids of the events.
        journeys: the names of the journeys.

    Returns:
        The judgements, by event and journey.
    """
    query = select(EntryRow).where(
        col(EntryRow.message_id).in_(list(message_ids)), col(EntryRow.journey).in_(list(journeys))
    )
    return {(row.message_id, row.journey): row for row in await session.exec(query)}


async def drop(session: AsyncSession, cases: Iterable[Case]) -> None:
    """Forget judgements on events that turned out to be no entries: an open run has heard them.

    Args:
        session: a writing transaction that holds their customers.
        cases: the events and the journeys.
    """
    wanted = list(cases)
    if wanted:
        place = tuple_(col(EntryRow.message_id), col(EntryRow.journey))
        await session.exec(delete(EntryRow).where(place.in_(wanted)))


async def begun(
    session: AsyncSession,
    customer_id: str,
    journey: str,
    *,
    besides: str,
    in_shadow: bool = False,
) -> list[Begun]:
    """Return the runs that a customer has had of a journey, the newest of each key.

    Counted are runs that have a row, whether Temporal still knows them or not, and runs that an
    event was taken for, but that have not been started yet.

    Args:
        session: any session.
        customer_id: the id that holds everything.
        journey: its name.
        besides: the message id of an event whose own run does not count.
        in_shadow: runs in shadow count as well; else a customer has had none of them.

    Returns:
        The runs, in no order.
    """
    had: Any = select(col(RunRow.key), col(RunRow.started_at).label("at")).where(
        RunRow.customer_id == customer_id, RunRow.journey == journey, RunRow.enrolment != besides
    )
    taken = select(col(EntryRow.key), col(EntryRow.at)).where(
        EntryRow.customer_id == customer_id,
        EntryRow.journey == journey,
        EntryRow.message_id != besides,
        col(EntryRow.taken),
    )
    if not in_shadow:
        had = had.where(~col(RunRow.shadow))
        apart = select(RunRow.enrolment).where(
            RunRow.customer_id == customer_id, RunRow.journey == journey, col(RunRow.shadow)
        )
        taken = taken.where(col(EntryRow.message_id).not_in(apart))
    connection = await session.connection()
    newest: dict[str, Begun] = {}
    for key, at in await connection.execute(union_all(had, taken)):
        if key not in newest or newest[key].at < at:
            newest[key] = Begun(key, at)
    return list(newest.values())


async def of_customer(session: AsyncSession, customer_id: str) -> Sequence[EntryRow]:
    """Return every judgement on a customer's events, oldest first."""
    query = select(EntryRow).where(EntryRow.customer_id == customer_id)
    return (await session.exec(query.order_by(col(EntryRow.id)))).all()
