"""The stored events of open runs, read by code that is not deployed yet."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.errors import BadEvent, UnknownName
from sojourn.domain.events import Events
from sojourn.domain.keys import Reach
from sojourn.store.events import concerns, typed
from sojourn.store.tables import EventRow, RunRow

PAGE = 200
"""Runs that one query reads."""


@dataclass
class Unreadable:
    """Stored events of one name that the code cannot read, all for one reason.

    Args:
        event: their name.
        reason: why; it names the field.
        runs: the open runs that would read them.
        starts: one of them started such a run, so each of its messages would fail, again and
          again. Any other event is left out, and messages go out without it.
        stored: the message ids of the events.
    """

    event: str
    reason: str
    runs: set[str] = field(default_factory=set)
    starts: bool = False
    stored: set[str] = field(default_factory=set)


async def unreadable(
    session: AsyncSession, workflow_ids: Sequence[str], reaches: Mapping[str, Reach], known: Events
) -> list[Unreadable]:
    """Read what open runs would read, and return what cannot be read.

    It reads only columns that the first release had: the database need not be migrated yet.

    Args:
        session: any session.
        workflow_ids: the workflow ids of the open runs.
        reaches: the rules by which events find runs, by journey.
        known: the events that the code knows.

    Returns:
        The faults, by the events' names.
    """
    found: dict[tuple[str, str], Unreadable] = {}
    for first in range(0, len(workflow_ids), PAGE):
        runs = await _runs(session, workflow_ids[first : first + PAGE])
        starts = {run.enrolment for run in runs}
        theirs: dict[str, list[RunRow]] = {}
        for run in runs:
            theirs.setdefault(run.customer_id, []).append(run)
        for row in await _events(session, theirs, starts, known):
            reason = _fault(row, known)
            readers = [run.workflow_id for run in _readers(row, theirs, reaches)] if reason else []
            for reader in readers:
                one = found.setdefault((row.name, reason), Unreadable(row.name, reason))
                one.runs.add(reader)
                one.stored.add(row.message_id)
                one.starts |= row.message_id in starts
    return [found[place] for place in sorted(found)]


def _fault(row: EventRow, known: Events) -> str:
    try:
        typed(row, known)
    except (BadEvent, UnknownName) as error:
        return str(error)
    return ""


def _readers(
    row: EventRow, theirs: Mapping[str, Iterable[RunRow]], reaches: Mapping[str, Reach]
) -> Iterator[RunRow]:
    for run in theirs.get(row.customer_id, ()):
        if row.message_id == run.enrolment or concerns(
            row, reaches.get(run.journey, Reach()), run.key
        ):
            yield run


async def _runs(session: AsyncSession, workflow_ids: Sequence[str]) -> list[RunRow]:
    """Return the newest row of each run."""
    names = ("workflow_id", "journey", "customer_id", "key", "enrolment")
    columns: tuple[Any, ...] = tuple(getattr(RunRow, name) for name in names)
    query = select(*columns).where(col(RunRow.workflow_id).in_(workflow_ids))
    found = await session.exec(query.order_by(col(RunRow.id)))
    rows = [RunRow(**dict(zip(names, row, strict=True))) for row in found]
    return list({row.workflow_id: row for row in rows}.values())


async def _events(
    session: AsyncSession, customers: Iterable[str], starts: Iterable[str], known: Events
) -> list[EventRow]:
    columns: tuple[Any, ...] = (
        EventRow.message_id,
        EventRow.customer_id,
        EventRow.name,
        EventRow.properties,
        EventRow.occurred_at,
    )
    names = ("message_id", "customer_id", "name", "properties", "occurred_at")
    wanted = select(*columns).where(
        col(EventRow.customer_id).in_(list(customers)),
        col(EventRow.name).in_(list(known)) | col(EventRow.message_id).in_(list(starts)),
    )
    rows = await session.exec(wanted.order_by(col(EventRow.seq)))
    return [EventRow(**dict(zip(names, row, strict=True))) for row in rows]
