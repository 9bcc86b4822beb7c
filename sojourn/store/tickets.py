"""Tickets: work for a person, kept where no helpdesk is told of it."""

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
    """Keep a ticket; one of the same name is kept once.

    Args:
        session: of a transaction that writes.
        name: what asks for it, the same in every attempt.
        customer_id: the customer it is about.
        run: the workflow id of the run that asks.
        subject: one line for the person who takes it.

    Returns:
        Its number.
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
        session: that reads.
        everything: closed ones as well.
        limit: at most so many.

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
        number: the ticket's.
        by: who has dealt with it.

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
