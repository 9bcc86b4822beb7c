"""Changes: all that happens, in one order, for those who follow it: exports and webhooks.

A row has a number of its own before its transaction commits, so that a lower one may come to light
after a higher one was read. The numbers of changes are given later, by one transaction at a time,
to what is committed: who has read up to a number has missed nothing below it.

New rows are found by their own numbers, up to what no open transaction can still write. Of rows
that change or go, and there alone, triggers leave marks (`measuring.marks`).
"""

import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Column, Table, case, text
from sqlmodel import SQLModel, col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.store import locks
from sojourn.store.dialects import insert, is_postgresql
from sojourn.store.tables import ChangeFeedRow, ChangeRow

TABLES = SQLModel.metadata.tables
CHANGES = TABLES["changes"]
LOCK = locks.number("changes")
OPEN, CLOSED = "open", "closed"
"""The states of a run."""


class Kind(StrEnum):
    """A kind of what others follow."""

    MESSAGE = "message"
    REPORT = "report"
    EVENT = "event"
    RUN = "run"
    CONVERSION = "conversion"
    EXPOSURE = "exposure"
    CONSENT = "consent"


TABLE_OF = {
    Kind.MESSAGE: "ledger",
    Kind.REPORT: "reports",
    Kind.EVENT: "events",
    Kind.RUN: "runs",
    Kind.CONVERSION: "conversions",
    Kind.EXPOSURE: "exposures",
    Kind.CONSENT: "consents",
}


@dataclass(frozen=True, slots=True)
class Change:
    """A change of something.

    Args:
        seq: its number.
        kind: of what.
        ref: the number of the row in the table of its kind.
    """

    seq: int
    kind: Kind
    ref: int


@dataclass(frozen=True)
class Reach:
    """The newest row of a table that can be read, and when.

    Args:
        number: of the newest row.
        writers: the transactions that may still write a lower one.
    """

    number: int
    writers: frozenset[str] = frozenset()


async def feed(session: AsyncSession) -> ChangeFeedRow | None:
    """Return how far changes are numbered; None: nobody follows them."""
    return (await session.exec(select(ChangeFeedRow))).first()


async def begin(session: AsyncSession) -> None:
    """Have changes numbered from here on, those of before as well.

    Args:
        session: a writing transaction.
    """
    row = ChangeFeedRow(id=1, token=secrets.token_hex(8), seq=0, cursors={})
    await session.exec(
        insert(session, ChangeFeedRow).values(row.model_dump()).on_conflict_do_nothing()
    )


async def note(session: AsyncSession, found: Collection[tuple[str, int]]) -> None:
    """Give numbers to changes that are committed, or commit with this transaction.

    Args:
        session: a writing transaction, which ends soon: nobody else numbers changes meanwhile.
        found: kinds, and numbers of rows.
    """
    if not found or (row := await _held(session)) is None:
        return
    row.seq = await _note(session, row.seq, found)
    session.add(row)


async def reach(session: AsyncSession, kind: Kind) -> Reach:
    """Look how far the rows of a table can be read, once its writers of this moment have ended.

    A row's number is taken after its transaction has locked the table, and the lock stays until
    the transaction ends: who may write a number below the newest one has the lock by now.

    Args:
        session: any session.
        kind: of the rows.

    Returns:
        The number of the newest row, and who may still write a lower one.
    """
    table = TABLES[TABLE_OF[kind]]
    newest = (await session.exec(select(func.max(_number(table))))).one() or 0
    return Reach(newest, await _writers(session, table))


async def still_writing(session: AsyncSession, kind: Kind, before: Reach) -> frozenset[str]:
    """Look which writers of then have not ended.

    Args:
        session: any session.
        kind: of the rows.
        before: as `reach` found it.

    Returns:
        Those.
    """
    if not before.writers:
        return before.writers
    return before.writers & await _writers(session, TABLES[TABLE_OF[kind]])


async def gather(session: AsyncSession, kind: Kind, upto: int, limit: int) -> int:
    """Give numbers to new rows of a table.

    Args:
        session: a writing transaction, which ends soon: nobody else numbers changes meanwhile.
        kind: of the rows.
        upto: the highest number that can be read.
        limit: so many at most.

    Returns:
        How many there were.
    """
    if (row := await _held(session)) is None:
        return 0
    number = _number(TABLES[TABLE_OF[kind]])
    since = row.cursors.get(kind, 0)
    query = select(number).where(number > since, number <= upto).order_by(number).limit(limit)
    new = list((await session.exec(query)).all())
    if not new:
        return 0
    row.seq = await _note(session, row.seq, [(kind, one) for one in new])
    row.cursors = {**row.cursors, kind: new[-1]}
    session.add(row)
    return len(new)


async def since(session: AsyncSession, seq: int, upto: int, limit: int) -> list[Change]:
    """Return changes in their order.

    Args:
        session: any session.
        seq: only later ones.
        upto: this one at most.
        limit: so many at most.

    Returns:
        The changes.
    """
    query = (
        select(ChangeRow.seq, ChangeRow.kind, ChangeRow.ref)
        .where(col(ChangeRow.seq) > seq, col(ChangeRow.seq) <= upto)
        .order_by(col(ChangeRow.seq))
        .limit(limit)
    )
    return [Change(seq, Kind(kind), ref) for seq, kind, ref in await session.exec(query)]


async def _held(session: AsyncSession) -> ChangeFeedRow | None:
    """Return the feed's row, and let nobody else number changes until the transaction ends."""
    await locks.hold(session, LOCK)
    query = select(ChangeFeedRow).execution_options(populate_existing=True)
    return (await session.exec(query)).first()


async def _note(session: AsyncSession, last: int, found: Iterable[tuple[str, int]]) -> int:
    """Give numbers to changes; return the last one."""
    wanted = sorted(set(found))
    states = await _states(session, wanted)
    rows = [
        {"kind": kind, "ref": ref, "seq": seq, "state": states.get((kind, ref), ""), "news": seq}
        for seq, (kind, ref) in enumerate(wanted, last + 1)
    ]
    statement = insert(session, CHANGES)
    new = statement.excluded
    await (await session.connection()).execute(
        statement.on_conflict_do_update(
            index_elements=["kind", "ref"],
            set_={
                "seq": new.seq,
                "state": new.state,
                "news": case((CHANGES.c.state != new.state, new.seq), else_=CHANGES.c.news),
            },
        ),
        rows,
    )
    return last + len(rows)


async def _states(
    session: AsyncSession, wanted: Iterable[tuple[str, int]]
) -> dict[tuple[str, int], str]:
    refs: dict[str, list[int]] = {}
    for kind, ref in wanted:
        refs.setdefault(kind, []).append(ref)
    found: dict[tuple[str, int], str] = {}
    connection = await session.connection()
    if of := refs.get(Kind.MESSAGE):
        ledger = TABLES["ledger"].c
        query = select(ledger.id, ledger.state).where(ledger.id.in_(of))
        for ref, state in await connection.execute(query):
            found[Kind.MESSAGE, ref] = str(state)
    if of := refs.get(Kind.RUN):
        runs = TABLES["runs"].c
        query = select(runs.id, runs.closed_at.is_(None)).where(runs.id.in_(of))
        for ref, is_open in await connection.execute(query):
            found[Kind.RUN, ref] = OPEN if is_open else CLOSED
    return found


def _number(table: Table) -> Column[int]:
    """Return the column that numbers a table's rows."""
    return next(iter(table.primary_key.columns))


async def _writers(session: AsyncSession, table: Table) -> frozenset[str]:
    """Return the transactions that may be writing into a table.

    On SQLite there are none: one writer follows the other, and a number with its commit.
    """
    if not is_postgresql(session):
        return frozenset()
    query = text(
        "SELECT DISTINCT virtualtransaction FROM pg_locks WHERE locktype = 'relation'"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND relation = CAST(:name AS regclass) AND mode = 'RowExclusiveLock'"
    ).bindparams(name=table.name)
    return frozenset((await (await session.connection()).execute(query)).scalars())
