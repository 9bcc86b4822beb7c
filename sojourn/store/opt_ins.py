"""The events that tell runs of the answers to requests for confirmation (`domain.opt_ins`)."""

from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain import opt_ins
from sojourn.store import ours
from sojourn.store.tables import ConsentRow, EventRow


async def answered(
    session: AsyncSession, customer_id: str, before: Sequence[ConsentRow], word: ConsentRow
) -> list[EventRow]:
    """Store the events of requests that a word has just answered; they end the runs that ask.

    Args:
        session: a writing transaction that holds the customer.
        customer_id: the id that holds everything.
        before: the customer's statements without the word.
        word: the word.

    Returns:
        The events, still to be told to runs; none if no request was open.
    """
    asked, after = opt_ins.answered(before, word)
    told = [await tell(session, customer_id, row, after) for row in asked]
    return [row for row in told if row is not None]


async def tell(
    session: AsyncSession, customer_id: str, request: ConsentRow, said: Sequence[ConsentRow]
) -> EventRow | None:
    """Store the event of a request's answer.

    Args:
        session: a writing transaction that holds the customer.
        customer_id: the id that holds everything.
        request: the request.
        said: as for `domain.opt_ins.answer_to`.

    Returns:
        The event; None if the request is open, or the event was stored before.
    """
    event = opt_ins.event_of(customer_id, request, said)
    if event is None:
        return None
    kept, new = await ours.write(session, event)
    return kept if new else None
