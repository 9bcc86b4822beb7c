"""Time zones of customers: open runs are told when a customer's zone changes."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.events import LONGEST_ID, TimeZoneChanged
from sojourn.domain.text import bounded
from sojourn.store import ours
from sojourn.store.tables import EventRow, RunRow


async def changed(
    session: AsyncSession, runs: Iterable[RunRow], timezone: str, *, because: str, at: datetime
) -> Sequence[EventRow]:
    """Have open runs plan by another time zone.

    Args:
        session: a writing transaction that holds the runs' customer.
        runs: the runs of one customer that may be open.
        timezone: the new zone, an IANA name.
        because: names the call that brought it.
        at: when it was said.

    Returns:
        The events, one a run; none if no run is open.
    """
    return await ours.write_all(
        session, (_told(run, timezone, because=because, at=at) for run in runs)
    )


def _told(run: RunRow, timezone: str, *, because: str, at: datetime) -> TimeZoneChanged:
    prefix = f"zone/{run.id}/"
    return TimeZoneChanged(
        message_id=bounded(f"{prefix}{because}", LONGEST_ID, prefix=prefix),
        customer_id=run.customer_id,
        occurred_at=at,
        journey=run.journey,
        run=run.workflow_id,
        timezone=timezone,
    )
