"""Members of watched audiences, and the changes that are still to be told.

A look compares the customers of an audience with the noted ones, page by page in the order of the
ids. A change turns a row, and a row turns again only once its change was told; so each change has
one event, whose id is made of the row's turn.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, exists, literal, update
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.store.dialects import insert
from sojourn.store.tables import AudienceRow, MemberRow

MEMBERS = SQLModel.metadata.tables["members"]
AUDIENCES = SQLModel.metadata.tables["audiences"]


@dataclass(frozen=True)
class Page:
    """A part of an audience, in the order of the ids.

    Args:
        entered: ids that the audience's fact selects, but that are not noted.
        left: ids that are noted, but that the fact does not select.
        size: the number of ids on the page that the fact selects.
        end: the last id of the page; None: this was the last page.
    """

    entered: list[str]
    left: list[str]
    size: int
    end: str | None


async def claim(
    session: AsyncSession, name: str, digest: str, *, now: datetime, until: datetime
) -> AudienceRow | None:
    """Take the look at an audience that is due; another worker finds it taken.

    Args:
        session: a writing transaction.
        name: the audience's name.
        digest: the digest of its fact; another one than before starts the watch afresh.
        now: the moment.
        until: when the next look is due.

    Returns:
        The row; None: no look is due.
    """
    connection = await session.connection()
    await connection.execute(
        insert(session, AUDIENCES)
        .values(name=name, fact=digest, began_at=now, next_at=now, took_ms=0, size=0)
        .on_conflict_do_nothing()
    )
    query = select(AudienceRow).where(AudienceRow.name == name).with_for_update()
    row = (await session.exec(query)).one()
    if row.fact != digest:
        row.fact, row.began_at, row.looked_at = digest, now, None
    elif row.next_at > now:
        return None
    row.next_at = until
    session.add(row)
    return row


async def asks(session: AsyncSession, name: str, digest: str) -> bool:
    """Tell whether an audience is still watched by this fact, and keep it so until the commit.

    Args:
        session: a writing transaction.
        name: the audience's name.
        digest: the digest of the fact.

    Returns:
        True if it is still this one.
    """
    query = select(AudienceRow).where(AudienceRow.name == name).with_for_update()
    return (await session.exec(query)).one().fact == digest


async def finish(
    session: AsyncSession, name: str, digest: str, *, at: datetime, took_ms: int, size: int
) -> None:
    """Note the end of a look.

    Args:
        session: a writing transaction.
        name: the audience's name.
        digest: the digest of its fact; if the audience has another one by now, nothing is noted.
        at: the moment at which the look judged customers.
        took_ms: how long it took, in milliseconds.
        size: the number of customers in the audience.
    """
    await session.exec(
        update(AudienceRow)
        .where(col(AudienceRow.name) == name, col(AudienceRow.fact) == digest)
        .values(looked_at=at, took_ms=took_ms, size=size)
    )


async def compare(
    session: AsyncSession, name: str, holders: Select[tuple[str]], *, after: str, limit: int
) -> Page:
    """Compare a page of an audience with the noted members.

    Args:
        session: any session.
        name: the audience's name.
        holders: selects the ids of its customers.
        after: the end of the page before; empty at the beginning.
        limit: the most customers on a page.

    Returns:
        The page.
    """
    (of,) = holders.selected_columns
    connection = await session.connection()
    query = holders.where(of > after).order_by(of).limit(limit)
    held: list[str] = list((await connection.execute(query)).scalars())  # type: ignore[arg-type]
    end = held[-1] if len(held) == limit else None
    noted = select(MemberRow.customer_id).where(
        MemberRow.audience == name, MemberRow.inside, col(MemberRow.customer_id) > after
    )
    if end is not None:
        noted = noted.where(col(MemberRow.customer_id) <= end)
    inside = set(await session.exec(noted))
    holds = set(held)
    return Page([one for one in held if one not in inside], sorted(inside - holds), len(held), end)


async def turn(
    session: AsyncSession,
    name: str,
    *,
    entered: Collection[str],
    left: Collection[str],
    at: datetime,
    quiet: bool,
) -> None:
    """Note changes. A change waits while an earlier one of its customer is still to be told.

    Args:
        session: a writing transaction.
        name: the audience's name.
        entered: ids that came in.
        left: ids that went.
        at: when that was seen.
        quiet: no run is told.
    """
    told = at if quiet else None
    connection = await session.connection()
    if entered:
        rows = [
            {"audience": name, "customer_id": one, "inside": True, "turn": 1, "at": at,
             "told_at": told}
            for one in entered
        ]  # fmt: skip
        new = insert(session, MEMBERS).values(rows)
        await connection.execute(
            new.on_conflict_do_update(
                index_elements=["audience", "customer_id"],
                set_={"inside": True, "turn": MEMBERS.c.turn + 1, "at": at, "told_at": told},
                where=and_(~MEMBERS.c.inside, MEMBERS.c.told_at.is_not(None)),
            )
        )
    if left:
        await connection.execute(
            update(MEMBERS)
            .where(
                MEMBERS.c.audience == name,
                MEMBERS.c.customer_id.in_(left),
                MEMBERS.c.inside,
                MEMBERS.c.told_at.is_not(None),
            )
            .values(inside=False, turn=MEMBERS.c.turn + 1, at=at, told_at=told)
        )


async def untold(session: AsyncSession, name: str, *, limit: int) -> Sequence[MemberRow]:
    """Return changes that are still to be told, oldest first.

    Args:
        session: any session.
        name: the audience's name.
        limit: the most to return.

    Returns:
        The rows.
    """
    query = (
        select(MemberRow)
        .where(MemberRow.audience == name, col(MemberRow.told_at).is_(None))
        .order_by(col(MemberRow.id))
        .limit(limit)
    )
    return (await session.exec(query)).all()


async def told(session: AsyncSession, rows: Collection[MemberRow], *, at: datetime) -> None:
    """Note that changes were told.

    Args:
        session: a writing transaction.
        rows: the changes.
        at: the moment.
    """
    for row in rows:
        await session.exec(
            update(MemberRow)
            .where(col(MemberRow.id) == row.id, col(MemberRow.turn) == row.turn)
            .values(told_at=at)
        )


async def looks(session: AsyncSession) -> dict[str, AudienceRow]:
    """Return what is known of the looks at audiences, by name."""
    return {row.name: row for row in await session.exec(select(AudienceRow))}


async def of_customer(session: AsyncSession, customer_id: str) -> Sequence[MemberRow]:
    """Return the watched audiences that a customer is in, or was.

    Args:
        session: any session.
        customer_id: the id that holds everything.
    """
    query = select(MemberRow).where(MemberRow.customer_id == customer_id)
    return (await session.exec(query.order_by(MemberRow.audience))).all()


async def move(session: AsyncSession, old_id: str, new_id: str) -> None:
    """Move the memberships of an id that is given up; a person is in if either id was.

    Args:
        session: a writing transaction that holds both.
        old_id: given up.
        new_id: the id that holds everything from now on.
    """
    connection = await session.connection()
    other = MEMBERS.alias()

    def beside(customer_id: str, *more: Any) -> Any:
        where = (other.c.audience == MEMBERS.c.audience, other.c.customer_id == customer_id, *more)
        return exists(select(literal(1)).select_from(other).where(*where).correlate(MEMBERS))

    await connection.execute(
        update(MEMBERS)
        .where(MEMBERS.c.customer_id == new_id, beside(old_id, other.c.inside))
        .values(inside=True)
    )
    await connection.execute(
        MEMBERS.delete().where(MEMBERS.c.customer_id == old_id, beside(new_id))
    )
    await connection.execute(
        update(MEMBERS).where(MEMBERS.c.customer_id == old_id).values(customer_id=new_id)
    )
