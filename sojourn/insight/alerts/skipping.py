"""Messages that did not leave, by reason: of today, of yesterday, and of such weekdays before."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date

from sqlalchemy import func
from sqlmodel import SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.alerts.spans import WEEKS
from sojourn.domain.alerts.surge import Day, Surge
from sojourn.insight.alerts.days import DAY, ROLLUPS, WEEK, Days, on_day
from sojourn.insight.alerts.rows import rows

REASONS = SQLModel.metadata.tables["rollup_reasons"]


async def skipped(session: AsyncSession, days: Days, today: date) -> list[Surge]:
    """Return the skipped messages of each source and reason.

    Args:
        session: any session.
        days: the messages by day.
        today: in the installation's zone.

    Returns:
        The numbers, beside those of the same weekday in the weeks before.
    """
    weeks = [today - n * WEEK for n in range(1, WEEKS + 1)]
    wanted = [today, today - DAY, *weeks]
    query = (
        select(ROLLUPS.c.source, REASONS.c.reason, ROLLUPS.c.day, func.sum(REASONS.c.n))
        .join_from(ROLLUPS, REASONS, REASONS.c.rollup_id == ROLLUPS.c.id)
        .where(ROLLUPS.c.day.in_([day.isoformat() for day in wanted]))
        .group_by(ROLLUPS.c.source, REASONS.c.reason, ROLLUPS.c.day)
    )
    found: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for source, reason, day, number in await rows(session, query):
        found[source, reason][day] = int(number)

    def on(day: date, source: str, numbers: Mapping[str, int]) -> Day:
        return Day(numbers.get(day.isoformat(), 0), on_day(days, source, day).due)

    return [
        Surge(
            source,
            reason,
            on(today, source, numbers),
            on(today - DAY, source, numbers),
            tuple(day for one in weeks if (day := on(one, source, numbers)).due),
        )
        for (source, reason), numbers in sorted(found.items())
    ]
