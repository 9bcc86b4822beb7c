"""Requests that a journey's limits count: who asked, for which address, from which network."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, delete, or_
from sqlmodel import SQLModel, col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.abuse import Subject
from sojourn.store import locks
from sojourn.store.dialects import insert
from sojourn.store.salts import hashed, salt_of
from sojourn.store.tables import RequestRow

REQUESTS = SQLModel.metadata.tables["requests"]


@dataclass(frozen=True)
class Counted:
    """A subject that a request is counted by.

    Args:
        subject: its kind.
        digest: the hash that stands for it; empty for a customer, whose id is in the row.
    """

    subject: Subject
    digest: str = ""


async def network_digest(session: AsyncSession, network: str) -> str:
    """Return the hash that stands for a network, as `digests.digest` returns one for an address."""
    return hashed(await salt_of(session), "network", network)


async def hold(session: AsyncSession, counted: Iterable[Counted]) -> None:
    """Keep others from counting the same subjects until the transaction ends.

    Args:
        session: a writing transaction that holds the customers.
        counted: the subjects of all requests that the transaction stores, so that all locks are
          taken in one order.
    """
    for digest in sorted({one.digest for one in counted if one.digest}):
        await locks.hold(session, locks.number(f"requests {digest}"))


async def numbers(
    session: AsyncSession,
    customer_id: str,
    journey: str,
    counted: Sequence[Counted],
    *,
    since: datetime,
) -> Mapping[Counted, int]:
    """Return how many requests there were for each of these subjects.

    Args:
        session: any session.
        customer_id: the id that holds everything.
        journey: the journey's name.
        counted: the subjects.
        since: only later requests count, by the journeys' clock.

    Returns:
        The numbers.
    """
    mine = and_(col(RequestRow.customer_id) == customer_id, col(RequestRow.digest) == "")
    theirs = col(RequestRow.digest).in_([one.digest for one in counted if one.digest])
    query = (
        select(RequestRow.subject, RequestRow.digest, func.count())
        .where(RequestRow.journey == journey, col(RequestRow.at) > since, or_(mine, theirs))
        .group_by(col(RequestRow.subject), col(RequestRow.digest))
    )
    found = {
        Counted(Subject(subject), digest): number
        for subject, digest, number in await session.exec(query)
    }
    return {one: found.get(one, 0) for one in counted}


async def put(session: AsyncSession, rows: Sequence[RequestRow]) -> None:
    """Count a request.

    Args:
        session: a writing transaction that holds the customer.
        rows: a row for each subject that it is counted by.
    """
    if rows:
        connection = await session.connection()
        await connection.execute(
            insert(session, REQUESTS), [row.model_dump(exclude={"id"}) for row in rows]
        )


async def forget(session: AsyncSession, now: datetime) -> int:
    """Forget requests that no longer count.

    Args:
        session: a writing transaction.
        now: by the machine's clock.

    Returns:
        The number of deleted rows.
    """
    return (await session.exec(delete(RequestRow).where(col(RequestRow.until) <= now))).rowcount
