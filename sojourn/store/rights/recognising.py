"""Recognise calls about erased people, before anything of them is kept."""

from collections.abc import Iterator
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.store import tombstones
from sojourn.store.rights.finding import values_of
from sojourn.store.tables import CustomerRow

LONGEST_ID = 512
"""A longer text is not looked up as the id of a customer."""
_AT_ONCE = 500


async def drop_of_erased(session: AsyncSession, call: Any, source: str) -> bool:
    """Drop and count an unreadable call if it names an erased person by an id.

    An address alone is not enough: an erased person may have come back with it, under a new id.

    Args:
        session: a writing transaction.
        call: the call as it was sent.
        source: the sender; a shop's request has our id without the shop's name.

    Returns:
        True if it was dropped: nothing of the call may be kept.
    """
    ids = sorted(set(_ids(call, source)))
    for begin in range(0, len(ids), _AT_ONCE):
        names = await tombstones.names_of(session, ids[begin : begin + _AT_ONCE])
        query = select(CustomerRow).where(col(CustomerRow.customer_id).in_(list(names.values())))
        if found := (await session.exec(query.limit(1))).first():
            await tombstones.count_dropped(session, found.joined_to or found.customer_id)
            return True
    return False


def _ids(call: Any, source: str) -> Iterator[str]:
    for value in values_of(call):
        if isinstance(value, str | int) and 0 < len(text := str(value)) <= LONGEST_ID:
            yield text
            yield f"{source}:{text}"
