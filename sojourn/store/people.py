"""People: the ids of one person, and the lock on everything about a person.

An alias call joins one id to another. The row of the old id stays as a pointer, and every other row
moves to the id it points to. `lock` and `resolve` follow pointers and chains of pointers: a caller
that asks by an old id gets the person's row, and uses that row's ``customer_id`` from there on.
An id of an erased person leads to a tombstone in the same way (`store.tombstones`).
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import Row, delete
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from sojourn.store import prepared, tombstones
from sojourn.store.dialects import insert, is_postgresql
from sojourn.store.prepared import few_lengths, value, values
from sojourn.store.tables import CustomerRow

CUSTOMERS = SQLModel.metadata.tables["customers"]
# populate_existing: a join may have changed the row while the session waited for it
_HELD = (
    select(CustomerRow)
    .where(col(CustomerRow.customer_id) == value("customer_id", CUSTOMERS.c.customer_id))
    .with_for_update()
    .execution_options(populate_existing=True)
)
_ALL_HELD = (
    select(CustomerRow)
    .where(col(CustomerRow.customer_id).in_(values("asked", CUSTOMERS.c.customer_id)))
    .order_by(col(CustomerRow.customer_id))
    .with_for_update()
    .execution_options(populate_existing=True)
)
_FOUND = select(
    CUSTOMERS.c.joined_to, CUSTOMERS.c.email, CUSTOMERS.c.phone, CUSTOMERS.c.phone2
).where(CUSTOMERS.c.customer_id == value("customer_id", CUSTOMERS.c.customer_id))


async def lock(session: AsyncSession, customer_id: str) -> CustomerRow:
    """Hold the person until the transaction ends; create the row if it is missing.

    The lock serialises an event and a claim on the same customer: on PostgreSQL, READ COMMITTED
    alone would let a claim slip past a purchase that is being committed.

    Returns:
        The person's row. If ``customer_id`` was joined to another id, it is the other id's row.
    """
    row = await hold(session, customer_id)
    # No deadlock: a pointer stays a pointer, so no transaction holds the row it points to and waits
    # for the pointer.
    while row.joined_to is not None:
        row = await hold(session, row.joined_to)
    return row


async def read(session: AsyncSession, customer_id: str) -> CustomerRow:
    """Return the person's row as `lock` does, without holding or creating it.

    Returns:
        The row; for an id that nobody has named yet, a row that is not stored.
    """
    root = await resolve(session, customer_id)
    return await session.get(CustomerRow, root) or CustomerRow(customer_id=root)


async def hold(session: AsyncSession, customer_id: str) -> CustomerRow:
    """Hold the row of exactly this id, even if it is a pointer; create the row if it is missing."""
    asked = {"customer_id": customer_id}
    while (row := (await session.exec(_HELD, params=asked)).first()) is None:
        if gone := await _make(session, [customer_id]):
            return gone[customer_id]
        # created now, or by somebody else; an erasure may delete it while the session waits for it
    return row


async def _make(session: AsyncSession, customer_ids: Collection[str]) -> Mapping[str, CustomerRow]:
    """Create the rows of new customers; return the tombstones of those who were erased."""
    gone = dict(await tombstones.held_for(session, customer_ids))
    new = [CustomerRow(customer_id=i).model_dump() for i in customer_ids if i not in gone]
    if not new:
        return gone
    connection = await session.connection()
    await connection.execute(insert(session, CUSTOMERS).on_conflict_do_nothing(), new)
    if is_postgresql(session):  # an erasure may have been committed meanwhile
        late = await tombstones.held_for(session, [row["customer_id"] for row in new])
        if late:
            await session.exec(delete(CustomerRow).where(col(CustomerRow.customer_id).in_(late)))
        gone |= late
    return gone


async def lock_all(session: AsyncSession, customer_ids: Iterable[str]) -> dict[str, CustomerRow]:
    """Hold several people until the transaction ends, as `lock` does.

    The rows are locked in the order of their ids, so that two transactions do not wait for each
    other. The targets of pointers are locked afterwards, so one of two transactions with pointers
    may fail, and its caller tries again.

    Returns:
        Each person's row, by the id that was asked for.
    """
    asked = sorted(set(customer_ids))
    given = {"asked": few_lengths(asked)}
    found = (await session.exec(_ALL_HELD, params=given)).all()
    gone: dict[str, CustomerRow] = {}
    while len(found) + len(gone) < len(asked):  # again if one was erased meanwhile
        known = {row.customer_id for row in found} | gone.keys()
        gone |= await _make(session, [one for one in asked if one not in known])
        found = (await session.exec(_ALL_HELD, params=given)).all()
    rows = {row.customer_id: row for row in found} | gone
    for asked_id, row in rows.items():
        if row.joined_to is not None:
            rows[asked_id] = await lock(session, row.joined_to)
    return rows


async def lock_plain(session: AsyncSession, customer_ids: Iterable[str]) -> dict[str, CustomerRow]:
    """Hold those of several people whose ids are no pointers, until the transaction ends.

    Pointers, and ids that nobody has, are left out and not held: another transaction that holds a
    pointer may wait for the row that it leads to, and this one may hold that row.

    Returns:
        The rows by their ids.
    """
    query = _plain(customer_ids).order_by(col(CustomerRow.customer_id)).with_for_update()
    found = await session.exec(query.execution_options(populate_existing=True))
    return {row.customer_id: row for row in found}


async def read_plain(session: AsyncSession, customer_ids: Iterable[str]) -> dict[str, CustomerRow]:
    """Return the rows that `lock_plain` returns, without holding them."""
    found = await session.exec(_plain(customer_ids))
    return {row.customer_id: row for row in found}


def _plain(customer_ids: Iterable[str]) -> SelectOfScalar[CustomerRow]:
    return select(CustomerRow).where(
        col(CustomerRow.customer_id).in_(sorted(set(customer_ids))),
        col(CustomerRow.joined_to).is_(None),
    )


async def resolve(session: AsyncSession, customer_id: str) -> str:
    """Return the id that holds everything of this person; an id never joined leads to itself."""
    root, _ = await find(session, customer_id)
    return root


async def find(session: AsyncSession, customer_id: str) -> tuple[str, Row[Any] | None]:
    """Return the id that holds everything of this person, and what is on the card to reach them by.

    Args:
        session: any session.
        customer_id: any id of the person.

    Returns:
        The id, and the columns ``email``, ``phone`` and ``phone2``; None: nobody has named the id.
    """
    while True:
        found = await prepared.rows(session, _FOUND, {"customer_id": customer_id})
        if not found:
            tombstone = await tombstones.of(session, customer_id)
            if tombstone is None:
                return customer_id, None
            customer_id = tombstone
        elif found[0].joined_to is None:
            return customer_id, found[0]
        else:
            customer_id = found[0].joined_to


async def joined(session: AsyncSession, customer_id: str) -> list[CustomerRow]:
    """Return the pointers that lead to this id, directly or through others, oldest first."""
    found: list[CustomerRow] = []
    ends = [customer_id]
    while ends:
        query = select(CustomerRow).where(col(CustomerRow.joined_to).in_(ends))
        rows = (await session.exec(query)).all()
        found += rows
        ends = [row.customer_id for row in rows]
    # customers have no number: the id breaks the tie between equal moments
    return sorted(found, key=lambda row: (str(row.joined_at), row.customer_id))


async def ids(session: AsyncSession, customer_id: str) -> list[str]:
    """Return every id of the person; the id that holds everything comes first."""
    root = await resolve(session, customer_id)
    return [root, *(row.customer_id for row in await joined(session, root))]
