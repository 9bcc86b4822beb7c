"""Kin: customers who share an address, and so are most likely one person under several ids."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, and_, func, or_, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.store import people
from sojourn.store.tables import HAS_EMAIL, HAS_PHONE, HAS_PHONE2, CustomerRow

MOST_IDS = 10
"""The most ids that may share an address: more, as at a cash desk, say nothing about a person."""


async def of(session: AsyncSession, customer_id: str, *, email: str = "") -> list[str]:
    """Return the other ids that have an e-mail address or a phone number of this customer.

    Two people may share a number, a family's or an office's. Ids whose e-mail addresses differ are
    different people, whatever number they share.

    Args:
        session: any session.
        customer_id: the id that holds everything.
        email: a further address of the customer, which no card may have yet.

    Returns:
        Their ids that hold everything.
    """
    row = await session.get(CustomerRow, customer_id)
    emails = {address.lower() for address in (email, row.email if row else "") if address}
    found: dict[str, None] = {}
    for address in sorted(emails):
        same = func.lower(CustomerRow.email) == address
        found |= dict.fromkeys(await _with(session, and_(same, text(HAS_EMAIL))))
    numbers = [one for one in (row.phone, row.phone2) if one] if row is not None else []
    for number in dict.fromkeys(numbers):
        same = has_number([number])
        if emails:
            nobody_else = func.lower(CustomerRow.email).in_(["", *sorted(emails)])
            same = and_(same, nobody_else)
        found |= dict.fromkeys(await _with(session, same))
    found.pop(customer_id, None)
    return list(found)


def has_number(written: Iterable[str]) -> ColumnElement[bool]:
    """Return the condition that a card has a phone number, as its first or second one.

    Args:
        written: the number, in each spelling.
    """
    ways = sorted(written)
    return or_(
        and_(col(CustomerRow.phone).in_(ways), text(HAS_PHONE)),
        and_(col(CustomerRow.phone2).in_(ways), text(HAS_PHONE2)),
    )


async def _with(session: AsyncSession, same: ColumnElement[bool]) -> list[str]:
    query = (
        select(CustomerRow.customer_id)
        .where(
            same,
            col(CustomerRow.joined_to).is_(None),
            col(CustomerRow.erased_at).is_(None),
        )
        .limit(MOST_IDS + 1)
    )
    ids = (await session.exec(query)).all()
    return list(ids) if len(ids) <= MOST_IDS else []


async def known(session: AsyncSession, customer_ids: Iterable[str]) -> list[str]:
    """Return the ids that hold everything of these customers, as far as we know of them."""
    roots = {await people.resolve(session, customer_id) for customer_id in customer_ids}
    query = select(CustomerRow.customer_id).where(col(CustomerRow.customer_id).in_(roots))
    return list((await session.exec(query)).all()) if roots else []
