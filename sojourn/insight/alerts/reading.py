"""Reading: the counts that alerts are judged by, of the pulse and the rollups."""

from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.alerts.judging import Facts
from sojourn.domain.alerts.spans import WEEKS
from sojourn.insight.alerts.audiences import audiences
from sojourn.insight.alerts.days import WEEK, read_days
from sojourn.insight.alerts.hours import heard
from sojourn.insight.alerts.known import Known
from sojourn.insight.alerts.leaving import left
from sojourn.insight.alerts.mailboxes import mailboxes
from sojourn.insight.alerts.skipping import skipped
from sojourn.store import switches

HELD_FOR = 1000
"""Switches that are looked at: those that are on, and the newest of the others."""


async def read_facts(session: AsyncSession, known: Known, now: datetime) -> Facts:
    """Return all that alerts are judged by.

    Args:
        session: any session.
        known: the project and its installation.
        now: by the machine's clock.

    Returns:
        The counts.
    """
    held = await switches.history(session, HELD_FOR)
    today = now.astimezone(known.tz).date()
    days = await read_days(session, today - (WEEKS + 2) * WEEK)
    return Facts(
        lines=(*await heard(session, known, held), *left(known, days, now, held)),
        surges=tuple(await skipped(session, days, today)),
        mailboxes=tuple(await mailboxes(session, today)),
        audiences=tuple(await audiences(session, known.project, now)),
        starts=known.starts,
    )
