"""Time zones of customers: open runs are told when a customer lives by other clocks."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.events import LONGEST_ID, TimeZoneChanged
from sojourn.domain.text import bounded
from sojourn.store import events, runs
from sojourn.store.tables import EventRow


async def changed(
    session: AsyncSession, customer_id: str, timezone: str, *, because: str, at: datetime
) -> Sequence[EventRow]:
    """Have the customer's open runs plan by another zone.

    The runs are told as of any event, so a process that dies after the commit leaves them to the
    sweep.

    Args:
        session: a writing transaction that holds the customer.
        customer_id: the id that holds everything.
        timezone: the new zone, an IANA name.
        because: names the call that brought it.
        at: when it was said.

    Returns:
        The events, one a run; none if no run is open.
    """
    told = []
    for run in await runs.maybe_open(session, customer_id):
        prefix = f"zone/{run.id}/"
        event = TimeZoneChanged(
            message_id=bounded(f"{prefix}{because}", LONGEST_ID, prefix=prefix),
            customer_id=customer_id,
            occurred_at=at,
            journey=run.journey,
            run=run.workflow_id,
            timezone=timezone,
        )
        row, new = await events.add(
            session,
            EventRow(
                message_id=event.message_id,
                customer_id=customer_id,
                name=event.event_name,
                occurred_at=at,
                received_at=datetime.now(UTC),
                properties=event.properties(),
            ),
        )
        if new:
            told.append(row)
    return told
