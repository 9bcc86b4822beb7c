"""Setting aside: an event that cannot reach its runs is kept in quarantine, and holds up nobody.

`sojourn quarantine` lists it. Once it is mended, `redrive` sends it on its way under its own id
and moment.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.errors import BadEvent, SojournError
from sojourn.domain.storable import storable_text
from sojourn.domain.text import digest
from sojourn.store import Store, events, people, quarantine
from sojourn.store.tables import EventRow, QuarantineRow

log = logging.getLogger("sojourn.dispatch")

SOURCE = "store"
"""The sender of a call that was an event of the store before."""


async def set_aside(session: AsyncSession, faults: Sequence[tuple[EventRow, SojournError]]) -> None:
    """Keep events in quarantine; no sweep takes them up any more.

    Args:
        session: a writing transaction that holds their customers.
        faults: each event, and why no run can be told of it.
    """
    now = datetime.now(UTC)
    for row, error in faults:
        assert row.seq is not None
        log.error(
            "the event %s (%s) is set aside, `sojourn quarantine` lists it: %s",
            row.message_id,
            row.name,
            error,
        )
        path, reason = (
            (error.path, error.reason) if isinstance(error, BadEvent) else ("event", str(error))
        )
        await quarantine.add(session, _kept(row, storable_text(path), storable_text(reason), now))
    await events.set_aside(session, [row.seq for row, _ in faults if row.seq is not None], now)


async def set_oldest_aside(
    store: Store, customer_id: str, error: SojournError, *, before: datetime
) -> bool:
    """Set aside a customer's oldest event that no run was told of.

    Older events go first, so it is the one at which telling has failed.

    Args:
        store: open.
        customer_id: whose event it is.
        error: the failure.
        before: an event that arrived later than this is left, to be tried again.

    Returns:
        True if an event was set aside.
    """
    async with store.transaction() as session:
        person = await people.lock(session, customer_id)
        waiting = await events.unrouted(session, [person.customer_id])
        oldest = next(iter(waiting.get(person.customer_id, [])), None)
        if oldest is None or oldest.received_at >= before:
            return False
        await set_aside(session, [(oldest, error)])
    return True


def _kept(row: EventRow, path: str, reason: str, now: datetime) -> QuarantineRow:
    call = {
        "type": "track",
        "event": row.name,
        "messageId": row.message_id,
        "userId": row.customer_id,
        "timestamp": row.occurred_at.isoformat(),
        "properties": row.properties,
    }
    return QuarantineRow(
        # an event that is set aside, redriven and set aside again has a row for each time
        digest=digest(f"{SOURCE} {row.seq} {now.isoformat()}"),
        call=call,
        name=row.name,
        path=path,
        reason=reason,
        source=SOURCE,
        received_at=row.received_at,
    )
