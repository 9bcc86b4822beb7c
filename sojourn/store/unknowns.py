"""Events without effect: those whose names no class has, and those that lack a key."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.store.tables import EventRow

EVENTS = SQLModel.metadata.tables["events"]


@dataclass(frozen=True)
class Counted:
    """Events that have something in common.

    Args:
        name: their name.
        count: how many there are.
        last_at: when the newest one arrived.
        properties: those of the newest one, as they were sent.
    """

    name: str
    count: int
    last_at: datetime
    properties: Mapping[str, Any]


async def names(
    session: AsyncSession, known: Iterable[str], *, newest: int, limit: int
) -> Sequence[Counted]:
    """Count the events of unknown names, the most frequent first.

    Args:
        session: any session.
        known: the names that classes have.
        newest: how many of the newest events to examine.
        limit: the most names to return.

    Returns:
        The events by name.
    """
    looked = _newest(newest)
    return await _counted(session, looked, looked.c.name.not_in(list(known)), limit)


async def keyless(session: AsyncSession, name: str, key: str, *, newest: int) -> Counted | None:
    """Count the events of a name that lack a key.

    Args:
        session: any session.
        name: the wire name.
        key: the field.
        newest: how many of the newest events to examine.

    Returns:
        The events; None if there are none.
    """
    looked = _newest(newest)
    value = looked.c.properties[key].as_string()
    lacks = (looked.c.name == name) & or_(value.is_(None), value == "")
    return next(iter(await _counted(session, looked, lacks, 1)), None)


def _newest(number: int) -> Any:
    columns = (EVENTS.c.seq, EVENTS.c.name, EVENTS.c.received_at, EVENTS.c.properties)
    return select(*columns).order_by(EVENTS.c.seq.desc()).limit(number).subquery()


async def _counted(session: AsyncSession, looked: Any, which: Any, limit: int) -> Sequence[Counted]:
    count = func.count().label("count")
    query = (
        select(looked.c.name, count, func.max(looked.c.seq))
        .where(which)
        .group_by(looked.c.name)
        .order_by(count.desc(), looked.c.name)
        .limit(limit)
    )
    found = (await session.exec(query)).all()
    last = await session.exec(
        select(EventRow).where(col(EventRow.seq).in_([seq for _, _, seq in found]))
    )
    rows = {row.seq: row for row in last}
    return [
        Counted(name, number, rows[seq].received_at, _as_sent(rows[seq]))
        for name, number, seq in found
    ]


def _as_sent(row: EventRow) -> Mapping[str, Any]:
    given = (row.as_sent or {}).get("properties", row.properties)
    return given if isinstance(given, dict) else {}
