"""E-mails of the last seven days by mailbox provider: sent, bounced, complained about."""

from datetime import date

from sqlalchemy import func
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.alerts.harm import Mailbox
from sojourn.domain.alerts.judging import ALL
from sojourn.domain.messages import Channel
from sojourn.insight.alerts.days import ROLLUPS, WEEK
from sojourn.insight.alerts.rows import rows


async def mailboxes(session: AsyncSession, today: date) -> list[Mailbox]:
    """Return the e-mails of each mailbox provider, and of all together.

    Args:
        session: any session.
        today: in the installation's zone; the last of the seven days.

    Returns:
        Their numbers.
    """
    names = ("sent", "bounced", "complained")
    query = (
        select(ROLLUPS.c.mailbox, *(func.sum(ROLLUPS.c[name]) for name in names))
        .where(ROLLUPS.c.day > (today - WEEK).isoformat(), ROLLUPS.c.channel == Channel.EMAIL.value)
        .group_by(ROLLUPS.c.mailbox)
    )
    found = [Mailbox(name, *map(int, numbers)) for name, *numbers in await rows(session, query)]
    every = Mailbox(
        ALL,
        sum(one.sent for one in found),
        sum(one.bounced for one in found),
        sum(one.complained for one in found),
    )
    return [*(one for one in found if one.name), every]
