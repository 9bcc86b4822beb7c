"""Messages by source and day: how many were due, and how many left."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func
from sqlmodel import SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.insight.alerts.rows import rows

ROLLUPS = SQLModel.metadata.tables["rollups"]
DAY, WEEK = timedelta(days=1), timedelta(days=7)


@dataclass(frozen=True)
class Due:
    """The messages of a source on a day.

    Args:
        due: all that were due.
        left: those that left, or will leave once they are held no more.
    """

    due: int = 0
    left: int = 0


Days = Mapping[tuple[str, str], Due]
"""By source and day, such as ``2026-11-01``."""


async def read_days(session: AsyncSession, since: date) -> Days:
    """Return the messages of each source and day since a day."""
    names = ("due", "held", "sent", "unknown", "skipped", "rejected", "expired")
    query = (
        select(ROLLUPS.c.source, ROLLUPS.c.day, *(func.sum(ROLLUPS.c[name]) for name in names))
        .where(ROLLUPS.c.day >= since.isoformat(), ROLLUPS.c.step != "")
        .group_by(ROLLUPS.c.source, ROLLUPS.c.day)
    )
    found = {}
    for source, day, *numbers in await rows(session, query):
        due, held, sent, unknown, skipped, rejected, expired = map(int, numbers)
        left = sent + unknown
        waits = due - left - skipped - rejected - expired
        # what is held leaves later; what waits without being held is stuck, which is silence
        found[source, day] = Due(due, left + max(min(waits, held), 0))
    return found


def on_day(days: Days, source: str, day: date) -> Due:
    """Return the messages of a source on a day.

    Args:
        days: by source and day.
        source: the name of a journey or a campaign.
        day: the day.

    Returns:
        Their numbers; zeros if there is no row of it.
    """
    return days.get((source, day.isoformat()), Due())
