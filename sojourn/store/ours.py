"""Events that Sojourn itself writes: each is stored once, and told to runs like any event."""

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.events import Event
from sojourn.store import events
from sojourn.store.tables import EventRow


async def write(
    session: AsyncSession, event: Event, *, told_at: datetime | None = None
) -> tuple[EventRow, bool]:
    """Store an event of Sojourn's own.

    Runs are told as of any event, so if the process dies after the commit, the sweep tells them.

    Args:
        session: a writing transaction that holds the customer.
        event: its message id names the cause.
        told_at: when its run learned of it, if it knows already.

    Returns:
        The stored row; and False if it was stored before.
    """
    return await events.add(session, _row(event, told_at))


async def write_all(session: AsyncSession, written: Iterable[Event]) -> list[EventRow]:
    """Store events of Sojourn's own, as `write` does, in as few statements as one.

    Args:
        session: a writing transaction that holds their customers.
        written: the events.

    Returns:
        The rows of those that were not stored before.
    """
    rows = [_row(event, None) for event in written]
    return [row for row, new in await events.add_all(session, rows) if new] if rows else []


def _row(event: Event, told_at: datetime | None) -> EventRow:
    return EventRow(
        message_id=event.message_id,
        customer_id=event.customer_id,
        name=event.event_name,
        occurred_at=event.occurred_at,
        received_at=datetime.now(UTC),
        routed_at=told_at,
        properties=event.properties(),
    )
