"""Addresses: every address a customer ever had, in the order of the calls' moments."""

from collections.abc import Iterable, Sequence

from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.customer import Word
from sojourn.store.tables import AddressRow

KINDS = ("email", "phone", "phone2", "push_token")


async def history(session: AsyncSession, customer_id: str) -> list[AddressRow]:
    """Return the customer's addresses in the order in which they were said, one row a change."""
    found: list[AddressRow] = []
    last: dict[str, str] = {}
    for row in await _versions(session, customer_id):
        if last.get(row.kind, "") != row.value:
            found.append(row)
        last[row.kind] = row.value
    return found


async def note(session: AsyncSession, customer_id: str, kind: str, words: Iterable[Word]) -> None:
    """Put addresses into the history, each in its place.

    A repeated address gets no row of its own. A caller whose older address arrives late therefore
    gives both: the later address keeps the last word in the history, as on the card.

    Args:
        session: a writing transaction that holds the customer.
        customer_id: the id that holds everything.
        kind: one of `KINDS`.
        words: the addresses; an empty one withdraws the last.
    """
    rows = [row for row in await _versions(session, customer_id) if row.kind == kind]
    for word in sorted(words, key=lambda word: word.at):
        held = [row.value for row in rows if row.at <= word.at]
        if word.value == (held[-1] if held else ""):
            continue
        row = AddressRow(
            customer_id=customer_id, kind=kind, value=word.value, at=word.at, source=word.source
        )
        session.add(row)
        rows.insert(len(held), row)


async def forget(session: AsyncSession, customer_id: str) -> None:
    """Delete every address that the customer ever had."""
    await session.exec(delete(AddressRow).where(col(AddressRow.customer_id) == customer_id))


async def _versions(session: AsyncSession, customer_id: str) -> Sequence[AddressRow]:
    query = select(AddressRow).where(AddressRow.customer_id == customer_id)
    return (await session.exec(query.order_by(col(AddressRow.at), col(AddressRow.id)))).all()
