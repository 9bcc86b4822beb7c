"""Restrictions: a customer's data are kept, but not used (GDPR, article 18).

The gate lets no message of any class pass. Events are stored all the same, and end runs. Each
restriction stays as a row, with who asked for it and who lifted it.
"""

from datetime import UTC, datetime

from sqlalchemy import update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.errors import BadInput
from sojourn.domain.text import LONGEST_NOTE, writable
from sojourn.store import people
from sojourn.store.tables import RestrictionRow


async def begin(session: AsyncSession, customer_id: str, *, why: str, by: str) -> datetime:
    """Restrict a customer. Once this is committed, no message to them is claimed.

    Args:
        session: a writing transaction that holds no customer.
        customer_id: any id of the person.
        why: kept, and told in an export.
        by: the operator's name.

    Returns:
        The moment since which the data are restricted.
    """
    person = await people.lock(session, customer_id)
    if person.restricted_at is not None:
        return person.restricted_at
    person.restricted_at = now = datetime.now(UTC)
    session.add(person)
    session.add(
        RestrictionRow(
            customer_id=person.customer_id, at=now, why=writable(why, LONGEST_NOTE), by=by
        )
    )
    return now


async def lift(session: AsyncSession, customer_id: str, *, why: str, by: str) -> None:
    """Lift a customer's restriction. Messages that were skipped meanwhile are not sent.

    Args:
        session: a writing transaction that holds no customer.
        customer_id: any id of the person.
        why: kept, and told in an export.
        by: the operator's name.

    Raises:
        BadInput: the customer is not restricted.
    """
    person = await people.lock(session, customer_id)
    if person.restricted_at is None:
        raise BadInput(f"customer {customer_id} is not restricted: there is nothing to lift")
    person.restricted_at = None
    session.add(person)
    await session.exec(
        update(RestrictionRow)
        .where(
            col(RestrictionRow.customer_id) == person.customer_id,
            col(RestrictionRow.lifted_at).is_(None),
        )
        .values(lifted_at=datetime.now(UTC), lifted_why=writable(why, LONGEST_NOTE), lifted_by=by)
    )
