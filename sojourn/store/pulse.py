"""The pulse: how many events of each name came in an hour, and runs of each journey began.

Rows are counted once each, by their numbers. A look counts up to the newest row of the look before
it: by then whatever was being written with a lower number is committed. The counts and the mark
they go up to are written in one transaction, so a worker that dies has counted, or has not.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, delete, func
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.alerts.names import is_plain
from sojourn.domain.alerts.spans import Span
from sojourn.store.dialects import insert, is_postgresql
from sojourn.store.tables import AlertLookRow, PulseRow

EVENT, JOURNEY = "event", "journey"
KEPT = timedelta(weeks=10)
"""Older hours are compared with nothing."""
PAGE = 50_000
STRANGERS = 100
"""Unknown names of one page that are counted: a sender must not fill the table with them."""
TABLES = SQLModel.metadata.tables
PULSE = TABLES["pulse"]
_KINDS: Mapping[str, tuple[Any, Any, Any, Any]] = {
    EVENT: (TABLES["events"].c.seq, TABLES["events"].c.received_at, TABLES["events"].c.name,
            TABLES["events"].c.copy_of.is_(None)),
    JOURNEY: (TABLES["runs"].c.id, TABLES["runs"].c.started_at, TABLES["runs"].c.journey,
              ~TABLES["runs"].c.shadow),
}  # fmt: skip


@dataclass(frozen=True)
class Sums:
    """The counts of one name.

    Args:
        first: the first hour in which it came.
        counts: by span.
    """

    first: datetime
    counts: Mapping[Span, int]


async def look(session: AsyncSession, kind: str, known: Collection[str], now: datetime) -> bool:
    """Count some rows that are not counted yet.

    Args:
        session: a writing transaction; workers come one after another.
        kind: ``event`` or ``journey``.
        known: names that are always counted; of others, the most frequent ones.
        now: by the machine's clock.

    Returns:
        True if there are more.
    """
    number, moment, name, which = _KINDS[kind]
    mark = await _mark(session, kind, now)
    if mark.upto >= mark.seen:
        newest = (await _run(session, select(func.max(number)))).scalar_one()
        mark.until_at = mark.seen_at
        mark.seen, mark.seen_at = max(newest or 0, mark.seen), now
        session.add(mark)
        return False
    until = min(mark.upto + PAGE, mark.seen)
    hour = _hour(session, moment)
    query = (
        select(name, hour, func.count())
        .where(number > mark.upto, number <= until, moment >= now - KEPT, which)
        .group_by(name, hour)
    )
    counted = [(name, _read(at), n) for name, at, n in await _run(session, query)]
    keep = set(known) | _strangers(counted, known)
    rows = [
        {"kind": kind, "name": name, "hour": at, "n": n} for name, at, n in counted if name in keep
    ]
    if rows:
        adding = insert(session, PULSE)
        await (await session.connection()).execute(
            adding.on_conflict_do_update(
                index_elements=["kind", "name", "hour"],
                set_={"n": PULSE.c.n + adding.excluded["n"]},
            ),
            rows,
        )
    mark.upto = until
    session.add(mark)
    return True


async def known_until(session: AsyncSession) -> datetime | None:
    """Return the moment until which all is counted; None: it is not, yet."""
    query = select(AlertLookRow).where(col(AlertLookRow.name).in_([EVENT, JOURNEY]))
    marks = (await session.exec(query)).all()
    moments = [one.until_at for one in marks if one.until_at is not None]
    return min(moments) if len(moments) == len(_KINDS) else None


async def sums(session: AsyncSession, kind: str, wanted: Sequence[Span]) -> Mapping[str, Sums]:
    """Return the counts of every name in some spans.

    Args:
        session: any session.
        kind: ``event`` or ``journey``.
        wanted: the spans.

    Returns:
        The counts by name.
    """
    hours = PULSE.c.hour
    columns = [
        func.sum(case((and_(hours >= one.begin, hours < one.end), PULSE.c.n), else_=0))
        for one in wanted
    ]
    query = (
        select(PULSE.c.name, func.min(hours), *columns)
        .where(PULSE.c.kind == kind)
        .group_by(PULSE.c.name)
    )
    return {
        name: Sums(first, dict(zip(wanted, map(int, counts), strict=True)))
        for name, first, *counts in await _run(session, query)
    }


async def forget(session: AsyncSession, now: datetime) -> None:
    """Forget the hours that are compared with nothing any more."""
    await session.exec(delete(PulseRow).where(col(PulseRow.hour) < now - KEPT))


async def _mark(session: AsyncSession, kind: str, now: datetime) -> AlertLookRow:
    connection = await session.connection()
    await connection.execute(
        insert(session, AlertLookRow)
        .values(name=kind, next_at=now, upto=0, seen=0)
        .on_conflict_do_nothing()
    )
    query = select(AlertLookRow).where(AlertLookRow.name == kind).with_for_update()
    return (await session.exec(query.execution_options(populate_existing=True))).one()


def _strangers(counted: Collection[tuple[str, datetime, int]], known: Collection[str]) -> set[str]:
    """Return the unknown names that are counted: plain ones, the most frequent."""
    numbers: dict[str, int] = {}
    for name, _, n in counted:
        if name not in known and is_plain(name):
            numbers[name] = numbers.get(name, 0) + n
    return set(sorted(numbers, key=lambda name: (-numbers[name], name))[:STRANGERS])


def _hour(session: AsyncSession, moment: Any) -> Any:
    if is_postgresql(session):
        return func.date_trunc("hour", moment, "UTC")
    return func.strftime("%Y-%m-%dT%H:00:00", moment)


def _read(hour: datetime | str) -> datetime:
    """Return an hour as each database tells it: SQLite has text without a zone."""
    if isinstance(hour, str):
        return datetime.fromisoformat(hour).replace(tzinfo=UTC)
    return hour.astimezone(UTC)


async def _run(session: AsyncSession, query: Any) -> Any:
    return await (await session.connection()).execute(query)
