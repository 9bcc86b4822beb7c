"""Runs that were started: a hint about where to send events. Only Temporal knows which are open."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, text, update
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.store.dialects import insert
from sojourn.store.prepared import few_lengths, values
from sojourn.store.tables import IS_OPEN, AlertLookRow, RunRow

RUNS = SQLModel.metadata.tables["runs"]
ENDS = "ends of runs"
"""The name of the look for runs that have ended."""
_MAYBE_OPEN = (
    select(RunRow)
    .where(
        col(RunRow.customer_id).in_(values("customers", RUNS.c.customer_id)),
        col(RunRow.closed_at).is_(None),
    )
    .order_by(col(RunRow.id))
)


async def add(session: AsyncSession, rows: Sequence[RunRow]) -> None:
    """Note runs; a run that is already noted stays as it is."""
    if not rows:
        return
    connection = await session.connection()
    await connection.execute(
        insert(session, RUNS).on_conflict_do_nothing(),
        [row.model_dump(exclude={"id"}) for row in rows],
    )


async def maybe_open(session: AsyncSession, customer_id: str) -> list[RunRow]:
    """Return the customer's runs that were not found closed yet, oldest first."""
    return (await maybe_open_of(session, [customer_id])).get(customer_id, [])


async def maybe_open_of(
    session: AsyncSession, customer_ids: Iterable[str]
) -> dict[str, list[RunRow]]:
    """Return the runs that were not found closed yet, by customer, oldest first."""
    given = {"customers": few_lengths(customer_ids)}
    found: dict[str, list[RunRow]] = {}
    for row in await session.exec(_MAYBE_OPEN, params=given):
        found.setdefault(row.customer_id, []).append(row)
    return found


async def maybe_open_with(session: AsyncSession, workflow_ids: Collection[str]) -> Sequence[RunRow]:
    """Return the runs of these workflow ids that were not found closed yet, oldest first."""
    query = select(RunRow).where(
        col(RunRow.workflow_id).in_(workflow_ids), col(RunRow.closed_at).is_(None)
    )
    return (await session.exec(query.order_by(col(RunRow.id)))).all()


async def not_closed(
    session: AsyncSession, *, after: int, limit: int, since: datetime | None = None
) -> Sequence[RunRow]:
    """Return runs that were not found closed yet, the newest row of each workflow id, oldest first.

    Args:
        session: any session.
        after: only rows with a higher number.
        limit: the most rows to return.
        since: those that were found closed at this moment or later, too; None: none of them.

    Returns:
        The rows.
    """
    wanted: ColumnElement[bool] = text(f"runs.{IS_OPEN}")  # type: ignore[assignment]
    if since is not None:
        wanted = or_(col(RunRow.closed_at).is_(None), col(RunRow.closed_at) >= since)
    while True:
        query = select(RunRow).where(wanted, col(RunRow.id) > after)
        page = (await session.exec(query.order_by(col(RunRow.id)).limit(limit))).all()
        if not page:
            return []
        newest = await _newest_of(session, [row.workflow_id for row in page])
        if found := [row for row in page if row.id == newest[row.workflow_id]]:
            return found
        after = page[-1].id or 0


async def _newest_of(session: AsyncSession, workflow_ids: Collection[str]) -> dict[str, int]:
    """Return the number of the newest row of each workflow id.

    It is a query of its own: within the other one, the database would go through all runs.
    """
    query = (
        select(RunRow.workflow_id, func.max(RunRow.id))
        .where(col(RunRow.workflow_id).in_(workflow_ids))
        .group_by(RunRow.workflow_id)
    )
    return {workflow_id: number or 0 for workflow_id, number in await session.exec(query)}


async def known_ids(session: AsyncSession, workflow_ids: Iterable[str]) -> set[str]:
    """Return which of these workflow ids have a row."""
    query = select(RunRow.workflow_id).where(col(RunRow.workflow_id).in_(list(workflow_ids)))
    return set(await session.exec(query))


async def mark_closed(session: AsyncSession, ids: Iterable[int], at: datetime) -> None:
    """Note that Temporal has closed these runs.

    Args:
        session: a writing transaction.
        ids: the numbers of the runs' rows.
        at: the moment at which they were found closed, by the machine's clock.
    """
    closed = list(ids)
    if not closed:
        return
    await session.exec(update(RunRow).where(col(RunRow.id).in_(closed)).values(closed_at=at))


async def close(session: AsyncSession, at: Mapping[int, datetime | None]) -> int:
    """Note when runs ended. One that somebody holds is left out: it is looked at again.

    Args:
        session: a writing transaction that holds nothing.
        at: the moment by the number of the run's row; None: now.

    Returns:
        The number of runs that were not noted as closed before.
    """
    query = select(RunRow).where(col(RunRow.id).in_(at), col(RunRow.closed_at).is_(None))
    rows = await session.exec(query.order_by(col(RunRow.id)).with_for_update(skip_locked=True))
    closed = 0
    for row in rows:
        assert row.id is not None
        row.closed_at = at[row.id] or datetime.now(UTC)
        session.add(row)
        closed += 1
    return closed


async def reopen(session: AsyncSession, number: int) -> None:
    """Note that a run that was found closed is open: Temporal was restored from a backup."""
    await session.exec(update(RunRow).where(col(RunRow.id) == number).values(closed_at=None))


@dataclass(frozen=True)
class Turn:
    """A turn to look for runs that have ended.

    Args:
        is_ours: nobody else has looked just now.
        until: the moment until which ends are noted; None: nobody has looked yet.
    """

    is_ours: bool
    until: datetime | None = None


async def take_turn(session: AsyncSession, now: datetime, *, every: timedelta) -> Turn:
    """Take the turn to look for runs that have ended, if it is due.

    Args:
        session: a writing transaction.
        now: by the machine's clock.
        every: the time until the next turn.

    Returns:
        The turn.
    """
    await session.exec(
        insert(session, AlertLookRow).values(name=ENDS, next_at=now).on_conflict_do_nothing()
    )
    query = select(AlertLookRow).where(AlertLookRow.name == ENDS).with_for_update()
    row = (await session.exec(query.execution_options(populate_existing=True))).one()
    if row.next_at > now:
        return Turn(is_ours=False)
    row.next_at = now + every
    session.add(row)
    return Turn(is_ours=True, until=row.until_at)


async def looked_until(session: AsyncSession, moment: datetime) -> None:
    """Note that the ends of runs until a moment are noted."""
    await session.exec(
        update(AlertLookRow).where(col(AlertLookRow.name) == ENDS).values(until_at=moment)
    )


async def newest(session: AsyncSession, workflow_id: str) -> RunRow | None:
    """Return the newest run of a workflow id; None if none was ever started."""
    query = select(RunRow).where(RunRow.workflow_id == workflow_id)
    return (await session.exec(query.order_by(col(RunRow.id).desc()).limit(1))).first()


async def of_workflow(session: AsyncSession, workflow_id: str) -> Sequence[RunRow]:
    """Return every run of a workflow id, oldest first."""
    query = select(RunRow).where(RunRow.workflow_id == workflow_id)
    return (await session.exec(query.order_by(col(RunRow.id)))).all()


async def of_customer(session: AsyncSession, customer_id: str) -> Sequence[RunRow]:
    """Return every run of a customer, oldest first."""
    query = select(RunRow).where(RunRow.customer_id == customer_id).order_by(col(RunRow.id))
    return (await session.exec(query)).all()


async def of_customers(session: AsyncSession, customer_ids: Collection[str]) -> Sequence[RunRow]:
    """Return every run of these customers, oldest first."""
    query = select(RunRow).where(col(RunRow.customer_id).in_(customer_ids))
    return (await session.exec(query.order_by(col(RunRow.id)))).all()


async def every(session: AsyncSession) -> Sequence[RunRow]:
    """Return every run, oldest first."""
    return (await session.exec(select(RunRow).order_by(col(RunRow.id)))).all()
