"""Alerts: what stands, who is told of it, and what is kept quiet.

A look notes what begins and what is over, and in the same transaction a row for each of those who
are told. Each row is claimed, told and noted for itself: one that cannot be told takes nothing from
the others, and gives nothing to them twice.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import exists, or_
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.alerts.alert import Alert, Standing, Word
from sojourn.domain.text import LONGEST_NOTE, writable
from sojourn.store import locks
from sojourn.store.dialects import insert
from sojourn.store.tables import AlertLookRow, AlertQuietRow, AlertRow, AlertTellingRow

LOCK = locks.number("alerts")
JUDGE = "judge"


@dataclass(frozen=True)
class Turned:
    """The findings of a look.

    Args:
        began: names of alerts that began.
        over: names of those that are over.
    """

    began: tuple[str, ...] = ()
    over: tuple[str, ...] = ()


async def claim_look(session: AsyncSession, now: datetime, every: timedelta) -> bool:
    """Take the look that is due; another worker finds it taken.

    Args:
        session: a writing transaction.
        now: by the machine's clock.
        every: the distance of two looks.

    Returns:
        True if it is ours.
    """
    await (await session.connection()).execute(
        insert(session, AlertLookRow)
        .values(name=JUDGE, next_at=now, upto=0, seen=0)
        .on_conflict_do_nothing()
    )
    query = select(AlertLookRow).where(AlertLookRow.name == JUDGE).with_for_update()
    row = (await session.exec(query.execution_options(populate_existing=True))).one()
    if row.next_at > now:
        return False
    row.next_at = now + every
    session.add(row)
    return True


async def standing(session: AsyncSession) -> Sequence[AlertRow]:
    """Return the alerts that stand, the longest first."""
    query = select(AlertRow).where(col(AlertRow.over_at).is_(None)).order_by(col(AlertRow.id))
    return (await session.exec(query)).all()


def as_judged(rows: Iterable[AlertRow]) -> Mapping[str, Standing]:
    """Return alerts as they are judged by, by name."""
    return {row.name: Standing(row.expected, row.window) for row in rows}


async def turn(
    session: AsyncSession, found: Iterable[Alert], sinks: Collection[str], now: datetime
) -> Turned:
    """Note what begins and what is over, and who is to be told.

    Args:
        session: a writing transaction.
        found: the alerts that there are.
        sinks: the names of those who are told.
        now: by the machine's clock.

    Returns:
        The names of those that turned.
    """
    await locks.hold(session, LOCK)
    now_found = {one.name: one for one in found}
    rows = {row.name: row for row in await standing(session)}
    quiet = await quiets(session, now)
    over = [row for name, row in rows.items() if name not in now_found]
    for row in over:
        row.over_at = now
        session.add(row)
        for telling in () if is_quiet(row.name, quiet) else await _tellings(session, row):
            session.add(_telling(row, telling.sink, Word.OVER, now))
    began = [one for name, one in now_found.items() if name not in rows]
    for one in began:
        rows[one.name] = AlertRow(
            name=one.name,
            line=one.line,
            seen=one.seen,
            expected=one.expected,
            window=one.window,
            look=list(one.look),
            began_at=now,
        )
        session.add(rows[one.name])
    await session.flush()
    for row in rows.values():
        if row.over_at is None and row.told_at is None and not is_quiet(row.name, quiet):
            row.told_at = now
            for sink in sinks:
                session.add(_telling(row, sink, Word.BEGAN, now))
    return Turned(tuple(one.name for one in began), tuple(row.name for row in over))


async def listed(session: AsyncSession, *, everything: bool, limit: int) -> Sequence[AlertRow]:
    """Return alerts, the newest first.

    Args:
        session: any session.
        everything: those that are over as well.
        limit: the most to return.

    Returns:
        The rows.
    """
    query = select(AlertRow).order_by(col(AlertRow.id).desc()).limit(limit)
    if not everything:
        query = query.where(col(AlertRow.over_at).is_(None))
    return (await session.exec(query)).all()


async def untold(session: AsyncSession) -> Sequence[AlertTellingRow]:
    """Return words that a try has failed to tell, the oldest first."""
    query = select(AlertTellingRow).where(
        col(AlertTellingRow.told_at).is_(None), AlertTellingRow.fault != ""
    )
    return (await session.exec(query.order_by(col(AlertTellingRow.id)))).all()


# ---- who is told ---------------------------------------------------------------------------


async def any_to_tell(session: AsyncSession, sinks: Collection[str], now: datetime) -> bool:
    """Tell whether somebody is to be told something.

    Args:
        session: any session.
        sinks: the names of those who can be told here.
        now: by the machine's clock.

    Returns:
        True if a word is due.
    """
    query = select(AlertTellingRow.id).where(
        col(AlertTellingRow.tell_at) <= now, col(AlertTellingRow.sink).in_(sinks)
    )
    return (await session.exec(query.limit(1))).first() is not None


async def claim_to_tell(
    session: AsyncSession, sinks: Collection[str], now: datetime, *, again: datetime, limit: int
) -> Sequence[tuple[AlertTellingRow, AlertRow]]:
    """Claim words that are to be told; only one of several workers gets each.

    The end of an alert waits until its beginning was told, or given up.

    Args:
        session: a writing transaction.
        sinks: the names of those who can be told here.
        now: by the machine's clock.
        again: if the caller dies, they wait until then.
        limit: the most to claim.

    Returns:
        The words, each with its alert.
    """
    first = aliased(AlertTellingRow)
    waits = exists().where(
        col(first.alert_id) == col(AlertTellingRow.alert_id),
        col(first.sink) == col(AlertTellingRow.sink),
        col(first.word) == Word.BEGAN,
        col(first.tell_at).is_not(None),
    )
    query = (
        select(AlertTellingRow, AlertRow)
        .join(AlertRow, col(AlertRow.id) == col(AlertTellingRow.alert_id))
        .where(
            col(AlertTellingRow.tell_at) <= now,
            col(AlertTellingRow.sink).in_(sinks),
            or_(col(AlertTellingRow.word) == Word.BEGAN, ~waits),
        )
        .order_by(col(AlertTellingRow.id))
        .limit(limit)
        .with_for_update(skip_locked=True, of=AlertTellingRow)
    )
    claimed = (await session.exec(query)).all()
    for telling, _ in claimed:
        telling.tell_at, telling.tries = again, telling.tries + 1
        session.add(telling)
    return claimed


async def told(
    session: AsyncSession, telling: AlertTellingRow, *, fault: str, again: datetime | None
) -> None:
    """Note what came of telling somebody.

    Args:
        session: a writing transaction.
        telling: the word, as it was claimed.
        fault: a code; empty: it was told.
        again: when to try again; None: not any more.
    """
    row = await session.get(AlertTellingRow, telling.id, with_for_update=True)
    if row is None or row.told_at is not None:
        return
    row.fault, row.tell_at = fault, again
    row.told_at = None if fault else datetime.now(UTC)
    session.add(row)


def _telling(row: AlertRow, sink: str, word: Word, now: datetime) -> AlertTellingRow:
    assert row.id is not None
    return AlertTellingRow(alert_id=row.id, sink=sink, word=word, tell_at=now)


async def _tellings(session: AsyncSession, row: AlertRow) -> Sequence[AlertTellingRow]:
    query = select(AlertTellingRow).where(
        AlertTellingRow.alert_id == row.id, AlertTellingRow.word == Word.BEGAN
    )
    return (await session.exec(query.order_by(col(AlertTellingRow.id)))).all()


# ---- quiet ---------------------------------------------------------------------------------


async def quiets(session: AsyncSession, now: datetime) -> Sequence[AlertQuietRow]:
    """Return what is kept quiet now."""
    query = select(AlertQuietRow).where(
        or_(col(AlertQuietRow.until).is_(None), col(AlertQuietRow.until) > now)
    )
    return (await session.exec(query.order_by(col(AlertQuietRow.name)))).all()


def is_quiet(name: str, quiet: Iterable[AlertQuietRow]) -> bool:
    """Tell whether an alert is kept quiet: by its name, or by its kind."""
    return not {name, name.partition(":")[0]}.isdisjoint(one.name for one in quiet)


async def keep_quiet(
    session: AsyncSession, name: str, *, until: datetime | None, because: str, by: str, at: datetime
) -> None:
    """Keep an alert quiet, or all of a kind. What stands already is told no more of.

    Args:
        session: a writing transaction.
        name: of the alert, or the kind.
        until: when it ends; None: by `speak_up`.
        because: the operator's words.
        by: the operator's name.
        at: by the machine's clock.
    """
    row = AlertQuietRow(
        name=name, until=until, because=writable(because, LONGEST_NOTE), by=by, at=at
    )
    await session.merge(row)


async def speak_up(session: AsyncSession, name: str) -> bool:
    """Keep an alert quiet no more; tell whether it was."""
    row = await session.get(AlertQuietRow, name)
    if row is not None:
        await session.delete(row)
    return row is not None
