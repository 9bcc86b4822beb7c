"""The messages that caps count: one statement for one customer, under the customer's lock."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, false, select, true, union_all
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.caps import Slot
from sojourn.domain.messages import Channel, MessageClass, Reason
from sojourn.domain.states import MessageState
from sojourn.store import shadow, unsent
from sojourn.store.ledger import MAYBE_SENT

LEDGER = SQLModel.metadata.tables["ledger"]
RESERVING = (
    Reason.QUIET_HOURS,
    Reason.WINDOW,
    Reason.SNOOZED,
    Reason.IN_CARE,
    Reason.CAP,
    Reason.GAVE_WAY,
    Reason.RAMP,
)
"""A message that is held for one of these is expected to leave at the end of its hold."""

_ON_ITS_WAY = (MessageState.CLAIMED.value, MessageState.SUBMITTING.value)


async def of_customer(
    session: AsyncSession,
    customer_id: str,
    *,
    besides: str,
    since: datetime,
    held_since: datetime,
    in_shadow: str = "",
    instead_of: str = "",
) -> list[Slot]:
    """Return the promotional messages of a customer that left, may have left, or are to leave.

    A message that ended as skipped, rejected or expired is not among them, whatever it was before.

    Args:
        session: a transaction that holds the customer.
        customer_id: the id that holds everything.
        besides: the id of the message that asks.
        since: claims before this moment, by the journey's clock, do not count.
        held_since: holds that ended before this moment do not count.
        in_shadow: the journey of the message that asks, if it is in shadow: what the journey would
            have sent counts, too. Empty: nothing in shadow counts.
        instead_of: the journey in whose place it would be: what that one sends does not count.

    Returns:
        The slots, in no order.
    """
    mine = (LEDGER.c.customer_id == customer_id, LEDGER.c.message_id != besides)
    if not in_shadow:
        found = await _found(session, mine, [customer_id], since=since, held_since=held_since)
        return [slot for _, slot in found]
    others = *mine, LEDGER.c.journey != instead_of
    own = *mine, LEDGER.c.journey == in_shadow
    real = await _found(session, others, [customer_id], since=since, held_since=held_since)
    would = await _found(
        session, own, [customer_id], since=since, held_since=held_since, in_shadow=True
    )
    return [slot for _, slot in (*real, *would)]


async def of_customers(
    session: AsyncSession,
    customer_ids: Collection[str],
    *,
    since: datetime,
    held_since: datetime,
) -> dict[str, list[Slot]]:
    """Return the same for several customers, including the messages that ask.

    Args:
        session: a transaction that holds them.
        customer_ids: ids that hold everything.
        since: as for `of_customer`.
        held_since: as for `of_customer`.

    Returns:
        The slots, by customer.
    """
    theirs = (LEDGER.c.customer_id.in_(customer_ids),)
    found: dict[str, list[Slot]] = {}
    for one, slot in await _found(
        session, theirs, customer_ids, since=since, held_since=held_since
    ):
        found.setdefault(one, []).append(slot)
    return found


async def _found(
    session: AsyncSession,
    of: Sequence[Any],
    customers: Collection[str],
    *,
    since: datetime,
    held_since: datetime,
    in_shadow: bool = False,
) -> list[tuple[str, Slot]]:
    row = LEDGER.c
    told = (
        row.journey,
        row.step,
        row.channel,
        row.topic,
        row.due_at,
        row.message_id,
        row.counted_as,
        and_(row.state.in_(_ON_ITS_WAY), row.attempt == 1),
    )
    of = (*of, row.message_class == MessageClass.PROMOTIONAL.value)
    kept = unsent.IN_SHADOW if in_shadow else [MessageState.DEFERRED]
    left: Any = row.state.in_(MAYBE_SENT)
    held: Any = row.state == MessageState.DEFERRED
    if in_shadow:
        left, held = shadow.would_be(MAYBE_SENT), shadow.would_be([MessageState.DEFERRED])
    query = union_all(
        select(row.customer_id, row.decided_at, *told, false()).where(
            *of, row.decided_at >= since, left
        ),
        select(row.customer_id, row.held_until, *told, true()).where(
            *of,
            unsent.among(kept, customers=customers),
            held,
            row.held_until >= held_since,
            row.reason.in_([reason.value for reason in RESERVING]),
        ),
    )
    await session.flush()
    found = await (await session.connection()).execute(query)
    return [
        (
            one,
            Slot(
                at,
                journey,
                step,
                Channel(channel),
                topic,
                due,
                message_id,
                key or "",
                held=bool(waits),
                claimed=bool(on_its_way),
            ),
        )
        for one, at, journey, step, channel, topic, due, message_id, key, on_its_way, waits in found
    ]
