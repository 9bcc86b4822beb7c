"""Marks: what has changed since it was measured. The database's own triggers write them.

A pass deletes marks and counts in one transaction. A change after the pass has read it leaves
another mark, and a rollback leaves none, so that the counts are right after a crash at any moment.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import literal, text, update
from sqlmodel import SQLModel, col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.store.dialects import insert, is_postgresql
from sojourn.store.tables import EventRow, ExposureRow, GoalRow, LedgerRow, MarkRow, RunRow

CHANGED = "_changed"
"""The end of the kind of a mark that is not measured (`store.changes`)."""
MARKS = SQLModel.metadata.tables["marks"]


@dataclass
class Marked:
    """The rows that have changed.

    Args:
        number: the number of marks.
        messages: numbers of rows in the ledger.
        events: numbers of events.
        runs: numbers of runs.
        exposures: numbers of exposures, deleted ones among them.
        changed: kinds and numbers of what those who follow the changes are to see.
    """

    number: int = 0
    messages: set[int] = field(default_factory=set)
    events: set[int] = field(default_factory=set)
    runs: list[int] = field(default_factory=list)
    exposures: set[int] = field(default_factory=set)
    changed: set[tuple[str, int]] = field(default_factory=set)


async def take(session: AsyncSession, limit: int) -> Marked:
    """Return what has changed, and delete its marks.

    Args:
        session: the writing transaction that measures it.
        limit: the most marks to take.

    Returns:
        The rows, the longest changed first.
    """
    connection = await session.connection()
    oldest = select(MarkRow.id).order_by(MARKS.c.id).limit(limit)
    taken = await connection.execute(
        MARKS.delete().where(MARKS.c.id.in_(oldest)).returning(MARKS.c.kind, MARKS.c.ref)
    )
    found = Marked()
    for kind, ref in taken:
        found.number += 1
        match kind:
            case "message":
                found.messages.add(ref)
                found.changed.add((kind, ref))
            case "event":
                found.events.add(ref)
            case "run":
                found.runs.append(ref)
            case "exposure":
                found.exposures.add(ref)
            case _ if kind.endswith(CHANGED):
                found.changed.add((kind.removesuffix(CHANGED), ref))
    return found


async def knows(session: AsyncSession, names: Collection[str]) -> bool:
    """Tell whether events of these names leave marks, and the earlier ones have theirs.

    Args:
        session: any session.
        names: the wire names of events that tell orders, or take them back.
    """
    query = select(GoalRow.name).where(col(GoalRow.marked).is_(True))
    return set(names) <= set((await session.exec(query)).all())


async def learn(session: AsyncSession, names: Collection[str]) -> None:
    """Have events of these names leave marks from now on.

    Args:
        session: a writing transaction that ends soon. Nobody stores an event meanwhile, so each
          event is either stored already or leaves its mark.
        names: the wire names of events that tell orders, or take them back.
    """
    known = set((await session.exec(select(GoalRow.name))).all())
    if not (new := sorted(set(names) - known)):
        return
    if is_postgresql(session):
        await session.exec(text("LOCK TABLE events IN SHARE ROW EXCLUSIVE MODE"))  # type: ignore[call-overload]
    await (await session.connection()).execute(
        insert(session, GoalRow).on_conflict_do_nothing(),
        [{"name": name, "marked": False} for name in new],
    )


async def mark_learnt(session: AsyncSession) -> None:
    """Mark events that were stored before their names were learnt.

    Args:
        session: a writing transaction that began after the names were learnt.
    """
    query = select(GoalRow.name).where(col(GoalRow.marked).is_(False))
    if not (new := (await session.exec(query)).all()):
        return
    await _mark(session, "event", _orders(new))
    await session.exec(update(GoalRow).where(col(GoalRow.name).in_(new)).values(marked=True))


async def waiting(session: AsyncSession) -> int:
    """Return how many changes are not measured yet."""
    return (await session.exec(select(func.count()).select_from(MarkRow))).one()


async def mark_all(session: AsyncSession, *, orders: Collection[str]) -> None:
    """Have every message, run, order and exposure measured once more.

    Args:
        session: a writing transaction that has emptied the rollups.
        orders: the wire names of events that tell orders, or take them back.
    """
    await _mark(session, "message", select(LedgerRow.id).order_by(col(LedgerRow.id)))
    await _mark(session, "run", select(RunRow.id).order_by(col(RunRow.id)))
    await _mark(session, "event", _orders(orders))
    await mark_exposures(session)


async def mark_exposures(session: AsyncSession) -> None:
    """Have every exposure measured, in a writing transaction."""
    await _mark(session, "exposure", select(ExposureRow.id).order_by(col(ExposureRow.id)))


def _orders(names: Collection[str]) -> Any:
    rows = select(EventRow.seq).where(
        col(EventRow.name).in_(names), col(EventRow.copy_of).is_(None)
    )
    return rows.order_by(col(EventRow.seq))


async def _mark(session: AsyncSession, kind: str, rows: Any) -> None:
    chosen = rows.with_only_columns(literal(kind), *rows.selected_columns)
    connection = await session.connection()
    await connection.execute(MARKS.insert().from_select(["kind", "ref"], chosen))
