"""The messages that caps count: one statement for one customer, under the customer's lock."""

from datetime import datetime

from sqlalchemy import false, select, true, union_all
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.caps import Slot
from sojourn.domain.messages import Channel, MessageClass, Reason
from sojourn.domain.states import MessageState
from sojourn.store.ledger import MAYBE_SENT

LEDGER = SQLModel.metadata.tables["ledger"]
RESERVING = (
    Reason.QUIET_HOURS,
    Reason.WINDOW,
    Reason.SNOOZED,
    Reason.IN_CARE,
    Reason.CAP,
    Reason.GAVE_WAY,
)
"""A message that is held for one of these will leave at the end of its hold, as far as we know."""


async def of_customer(
    session: AsyncSession,
    customer_id: str,
    *,
    besides: str,
    since: datetime,
    held_since: datetime,
) -> list[Slot]:
    """Return the promotional messages of a customer that left, may have left, or are to leave.

    A message that ended as skipped, rejected or expired is not among them, whatever it was before.

    Args:
        session: a transaction that holds the customer.
        customer_id: the id that holds everything.
        besides: the message that asks.
        since: claims before this moment, by the journey's clock, do not count.
        held_since: nor do holds that ended before this one.

    Returns:
        The slots, in no order.
    """
    row = LEDGER.c
    told = (
        row.journey,
        row.step,
        row.channel,
        row.topic,
        row.due_at,
        row.message_id,
        row.counted_as,
    )
    mine = (
        row.customer_id == customer_id,
        row.message_class == MessageClass.PROMOTIONAL.value,
        row.message_id != besides,
    )
    query = union_all(
        select(row.decided_at, *told, false()).where(
            *mine, row.decided_at >= since, row.state.in_(MAYBE_SENT)
        ),
        select(row.held_until, *told, true()).where(
            *mine,
            row.state == MessageState.DEFERRED,
            row.held_until >= held_since,
            row.reason.in_([reason.value for reason in RESERVING]),
        ),
    )
    await session.flush()
    found = await (await session.connection()).execute(query)
    return [
        Slot(at, journey, step, Channel(channel), topic, due, message_id, key or "", bool(is_held))
        for at, journey, step, channel, topic, due, message_id, key, is_held in found
    ]
