"""Tombstones: the ids of erased people, as hashes, so that no later call brings a person back.

The row of an erased customer has the hash in place of the id. `people` leads queries by the id to
that row: it stays erased, and nothing is stored under it.
"""

from collections.abc import Iterable, Mapping

from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.store.salts import hashed, salt_of
from sojourn.store.tables import CustomerRow, ErasureRow

PREFIX = "erased:"


async def names_of(session: AsyncSession, customer_ids: Iterable[str]) -> dict[str, str]:
    """Return the names of the tombstones that these ids have, or would have, by id."""
    salt = await salt_of(session)
    return {one: f"{PREFIX}{hashed(salt, 'customer', one)}" for one in customer_ids if salt}


async def held_for(session: AsyncSession, customer_ids: Iterable[str]) -> Mapping[str, CustomerRow]:
    """Return the tombstones that these ids have, by id, held until the transaction ends.

    Args:
        session: a writing transaction.
        customer_ids: ids that no row of a customer has.
    """
    names = await names_of(session, customer_ids)
    query = (
        select(CustomerRow)
        .where(col(CustomerRow.customer_id).in_(sorted(names.values())))
        .order_by(col(CustomerRow.customer_id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = {row.customer_id: row for row in await session.exec(query)}
    return {one: found[name] for one, name in names.items() if name in found}


async def of(session: AsyncSession, customer_id: str) -> str | None:
    """Return the name of an id's tombstone; None if it has none."""
    names = await names_of(session, [customer_id])
    query = select(CustomerRow.customer_id).where(
        col(CustomerRow.customer_id).in_(list(names.values()))
    )
    return (await session.exec(query)).first() if names else None


def is_tombstone(customer_id: str) -> bool:
    """Tell whether an id in a row is the hash of one: the customer was erased."""
    return customer_id.startswith(PREFIX)


async def count_dropped(session: AsyncSession, name: str, calls: int = 1) -> None:
    """Count calls of an erased person that came later and are not kept.

    Args:
        session: a writing transaction that holds the tombstone.
        name: the tombstone's name.
        calls: how many.
    """
    await session.exec(
        update(ErasureRow)
        .where(col(ErasureRow.customer) == name)
        .values(dropped=ErasureRow.dropped + calls)
    )
