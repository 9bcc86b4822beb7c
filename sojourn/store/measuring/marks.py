"""Marks: what has changed since it was measured. The database's own triggers write them.

A pass deletes marks and counts in one transaction. What changes after the pass has read it leaves
a mark of its own, and what is rolled back leaves none, so that a crash at any moment counts right.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import literal
from sqlmodel import SQLModel, col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.store.tables import EventRow, LedgerRow, MarkRow, RunRow

MARKS = SQLModel.metadata.tables["marks"]


@dataclass
class Marked:
    """The rows that have changed.

    Args:
        number: of the marks.
        messages: numbers of rows in the ledger.
        events: numbers of events.
        runs: numbers of runs.
    """

    number: int = 0
    messages: set[int] = field(default_factory=set)
    events: set[int] = field(default_factory=set)
    runs: list[int] = field(default_factory=list)


async def take(session: AsyncSession, limit: int) -> Marked:
    """Return what has changed, and delete its marks.

    Args:
        session: the writing transaction that measures it.
        limit: so many marks at most.

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
            case "event":
                found.events.add(ref)
            case "run":
                found.runs.append(ref)
    return found


async def waiting(session: AsyncSession) -> int:
    """Return how many changes are not measured yet."""
    return (await session.exec(select(func.count()).select_from(MarkRow))).one()


async def mark_all(session: AsyncSession, *, orders: Collection[str]) -> None:
    """Have every message, every run and every order measured once more.

    Args:
        session: a writing transaction that has emptied the rollups.
        orders: the wire names of events that tell orders, or take them back.
    """
    connection = await session.connection()
    every: dict[str, Any] = {
        "message": select(LedgerRow.id).order_by(col(LedgerRow.id)),
        "run": select(RunRow.id).order_by(col(RunRow.id)),
        "event": select(EventRow.seq)
        .where(col(EventRow.name).in_(orders), col(EventRow.copy_of).is_(None))
        .order_by(col(EventRow.seq)),
    }
    for kind, rows in every.items():
        chosen = rows.with_only_columns(literal(kind), *rows.selected_columns)
        await connection.execute(MARKS.insert().from_select(["kind", "ref"], chosen))
