"""Ends of holds: by words on the customer, or by a slot of a cap that is free again."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.campaign_run import PREFIX
from sojourn.domain.events import LONGEST_ID, HoldEnded
from sojourn.domain.introduction import CURABLE
from sojourn.domain.messages import Reason
from sojourn.domain.states import MessageState
from sojourn.domain.text import bounded
from sojourn.store import ours, recipients, unsent
from sojourn.store.tables import EventRow, LedgerRow

FOR_A_SLOT = (Reason.CAP, Reason.GAVE_WAY)
"""Reasons that may no longer apply when another message of the customer is not sent."""


async def end(
    session: AsyncSession,
    customer_id: str,
    *,
    because: str,
    at: datetime,
    cured: Iterable[Reason] = CURABLE,
) -> Sequence[EventRow]:
    """Wake the runs whose messages wait for words on their customer, so that they ask again.

    The caller holds the customer, and has just stored such words. The runs are told by an event,
    so if the process dies after the commit, the sweep tells them.

    Args:
        session: a writing transaction that holds the customer.
        customer_id: the id that holds everything.
        because: names the call that brought the words.
        at: when they were said.
        cured: reasons that the words may have removed.

    Returns:
        The events that end the holds, one a run; none if no message waits.
    """
    query = select(LedgerRow).where(
        unsent.among([MessageState.DEFERRED], customers=[customer_id]),
        LedgerRow.customer_id == customer_id,
        LedgerRow.state == MessageState.DEFERRED,
        col(LedgerRow.reason).in_([reason.value for reason in cured]),
    )
    held = {row.workflow_id: row for row in await session.exec(query)}.values()
    ended = [
        HoldEnded(
            message_id=bounded(f"held/{row.id}/{because}", LONGEST_ID, prefix=f"held/{row.id}/"),
            customer_id=customer_id,
            occurred_at=max(at, row.decided_at),
            journey=row.journey,
            run=row.workflow_id,
        )
        for row in await _woken(session, held, at)
    ]
    return await ours.write_all(session, ended)


async def _woken(session: AsyncSession, held: Iterable[LedgerRow], at: datetime) -> list[LedgerRow]:
    """Have campaigns, which hear no events, ask again; return the messages of runs."""
    runs = []
    for row in held:
        if row.workflow_id.startswith(PREFIX):
            await recipients.wake(
                session,
                row.workflow_id.removeprefix(PREFIX),
                at=max(at, row.decided_at),
                customer_id=row.enrolment,
            )
        else:
            runs.append(row)
    return runs


async def free_a_slot(
    session: AsyncSession, customer_id: str, *, because: str, at: datetime
) -> Sequence[EventRow]:
    """Wake the runs whose messages wait for a slot of a cap, now that one is free again.

    Nobody needs to know whether a cap counted that message: a run asks, and may wait again.

    Args:
        session: a writing transaction that holds the customer.
        customer_id: the id that holds everything.
        because: names the message that does not leave, or what keeps it from leaving.
        at: by the journey's clock.

    Returns:
        As `end`.
    """
    return await end(session, customer_id, because=f"free/{because}", at=at, cured=FOR_A_SLOT)
