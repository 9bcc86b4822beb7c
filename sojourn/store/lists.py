"""Lists of customers, imported or frozen from an audience."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import Select, delete, exists, func, literal, text
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.store.dialects import insert, is_postgresql
from sojourn.store.tables import ListedRow

LISTED = SQLModel.metadata.tables["listed"]


async def among(session: AsyncSession, customer_id: str, names: Collection[str]) -> frozenset[str]:
    """Return which of some lists a customer is on.

    Args:
        session: any session.
        customer_id: the id that holds everything.
        names: the names of the lists; without any there is no query.

    Returns:
        The names.
    """
    if not names:
        return frozenset()
    query = select(ListedRow.list).where(
        ListedRow.customer_id == customer_id, col(ListedRow.list).in_(names)
    )
    return frozenset(await session.exec(query))


async def of_these(session: AsyncSession, name: str, customer_ids: Collection[str]) -> list[str]:
    """Return those of some customers who are on a list.

    Args:
        session: any session.
        name: the list's name.
        customer_ids: ids that hold everything.

    Returns:
        Their ids.
    """
    query = select(ListedRow.customer_id).where(
        ListedRow.list == name, col(ListedRow.customer_id).in_(customer_ids)
    )
    return list(await session.exec(query))


async def page(session: AsyncSession, name: str, *, after: int, limit: int) -> Sequence[ListedRow]:
    """Return a part of a list, in the order in which its customers were added.

    Args:
        session: any session.
        name: the list's name.
        after: the number of the last row of the part before; 0 at the beginning.
        limit: the most to return.

    Returns:
        The rows.
    """
    query = select(ListedRow).where(ListedRow.list == name, col(ListedRow.id) > after)
    return (await session.exec(query.order_by(col(ListedRow.id)).limit(limit))).all()


async def size(session: AsyncSession, name: str) -> int:
    """Return how many customers are on a list."""
    query = select(func.count()).select_from(ListedRow).where(ListedRow.list == name)
    return (await session.exec(query)).one()


async def lock(session: AsyncSession, name: str) -> None:
    """Hold a list until the transaction ends: nobody else freezes it meanwhile.

    SQLite has one writer, who holds everything.
    """
    if is_postgresql(session):
        await session.exec(  # type: ignore[call-overload]
            text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))").bindparams(name=name)
        )


async def freeze(
    session: AsyncSession, name: str, holders: Select[tuple[str]], *, at: datetime, source: str
) -> None:
    """Put everybody that a statement selects on a list.

    Args:
        session: a writing transaction.
        name: the list's name.
        holders: selects ids that hold everything.
        at: the moment.
        source: the audience that the statement comes from, or who asked.
    """
    columns = ["list", "customer_id", "at", "source"]
    of = holders.subquery()
    moment = literal(at, LISTED.c.at.type)
    chosen = select(literal(name), of.c.customer_id, moment, literal(source)).order_by(
        of.c.customer_id
    )
    connection = await session.connection()
    await connection.execute(LISTED.insert().from_select(columns, chosen))


async def add(
    session: AsyncSession, name: str, customer_ids: Iterable[str], *, at: datetime, source: str
) -> int:
    """Put customers on a list; those on it already stay as they are.

    Args:
        session: a writing transaction.
        name: the list's name.
        customer_ids: ids that hold everything.
        at: the moment.
        source: the file, or who does it.

    Returns:
        How many are new on it.
    """
    rows = [{"list": name, "customer_id": one, "at": at, "source": source} for one in customer_ids]
    if not rows:
        return 0
    connection = await session.connection()
    statement = insert(session, LISTED).values(rows).on_conflict_do_nothing()
    found = await connection.execute(statement.returning(LISTED.c.id))
    return len(found.all())


async def remove(session: AsyncSession, name: str, customer_ids: Collection[str]) -> int:
    """Take customers off a list.

    Args:
        session: a writing transaction.
        name: the list's name.
        customer_ids: ids that hold everything.

    Returns:
        How many were on it.
    """
    query = delete(ListedRow).where(
        col(ListedRow.list) == name, col(ListedRow.customer_id).in_(customer_ids)
    )
    return len((await session.exec(query.returning(col(ListedRow.id)))).all())


async def sizes(session: AsyncSession) -> Sequence[tuple[str, int]]:
    """Return the lists that have anybody on them, by name, with their numbers."""
    query = select(ListedRow.list, func.count()).group_by(ListedRow.list).order_by(ListedRow.list)
    return [(name, number) for name, number in await session.exec(query)]


async def move(session: AsyncSession, old_id: str, new_id: str) -> None:
    """Put a person on the lists of an id that is given up; each list has the person once.

    Args:
        session: a writing transaction that holds both.
        old_id: given up.
        new_id: the id that holds everything from now on.
    """
    other = LISTED.alias()
    twice = exists(
        select(literal(1)).select_from(other)
        .where(other.c.list == LISTED.c.list, other.c.customer_id == new_id)
        .correlate(LISTED)
    )  # fmt: skip
    connection = await session.connection()
    await connection.execute(delete(LISTED).where(LISTED.c.customer_id == old_id, twice))
    await connection.execute(
        LISTED.update().where(LISTED.c.customer_id == old_id).values(customer_id=new_id)
    )
