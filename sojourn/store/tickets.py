"""Tickets: work for a person, kept here in a project without a helpdesk."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.errors import UnknownName
from sojourn.domain.text import LONGEST_NOTE, writable
from sojourn.store.tables import TicketRow


async def keep(
    session: AsyncSession, *, name: str, customer_id: str, run: str, subject: str
) -> int:
    """Keep a ticket; a repeated name gets the ticket that it has.

    Args:
        session: of a transaction that writes.
        name: the idempotency key of the call that asks, the same in every attempt.
        customer_id: the customer concerned.
        run: the workflow id of the run that asks.
        subject: one line for the person who takes it.

    Returns:
        The ticket's number.
    """
    found = (await session.exec(select(TicketRow).where(TicketRow.name == name))).first()
    if found is None:
        found = TicketRow(
            name=name,
            customer_id=customer_id,
            run=run,
            subject=writable(subject, LONGEST_NOTE),
            opened_at=datetime.now(UTC),
        )
        session.add(found)
        await session.flush()
    assert found.id is not None
    return found.id


async def listed(
    session: AsyncSession, *, everything: bool = False, limit: int = 100
) -> Sequence[TicketRow]:
    """Return tickets, newest first.

    Args:
        session: any session.
        everything: include closed tickets.
        limit: the most tickets to return.

    Returns:
        The rows.
    """
    query = select(TicketRow).order_by(col(TicketRow.id).desc()).limit(limit)
    if not everything:
        query = query.where(col(TicketRow.closed_at).is_(None))
    return (await session.exec(query)).all()


async def close(session: AsyncSession, number: int, by: str) -> TicketRow:
    """Close a ticket; a closed one stays as it is.

    Args:
        session: of a transaction that writes.
        number: the ticket's number.
        by: the name of the operator who dealt with it.

    Returns:
        The row.

    Raises:
        UnknownName: there is no such ticket.
    """
    row = await session.get(TicketRow, number)
    if row is None:
        raise UnknownName("ticket", str(number), ())
    if row.closed_at is None:
        row.closed_at, row.closed_by = datetime.now(UTC), writable(by, LONGEST_NOTE)
        session.add(row)
    return row
