"""Sizes of audiences: of those that are watched, and of those that campaigns froze."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection
from datetime import datetime

from sqlalchemy import func
from sqlmodel import SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.alerts.judging import Audience
from sojourn.insight.alerts.days import DAY, WEEK
from sojourn.insight.alerts.rows import rows
from sojourn.project import Project

AUDIENCES, MEMBERS, CAMPAIGNS = (
    SQLModel.metadata.tables[name] for name in ("audiences", "members", "campaigns")
)
FEWEST_OCCASIONS, OCCASIONS = 2, 3
"""Audiences of a campaign that its newest one is compared with."""


async def audiences(session: AsyncSession, project: Project, now: datetime) -> list[Audience]:
    """Return the audiences of a project with their sizes, and the sizes that they had.

    Args:
        session: any session.
        project: its watched audiences and its campaigns.
        now: by the machine's clock.

    Returns:
        Those that were looked at or frozen.
    """
    watched = {one.name for one in project.audiences.watched}
    return [
        *[one async for one in _watched(session, watched, now)],
        *[one async for one in _frozen(session, set(project.campaigns), now)],
    ]


async def _watched(
    session: AsyncSession, names: Collection[str], now: datetime
) -> AsyncIterator[Audience]:
    query = select(AUDIENCES.c.name, AUDIENCES.c.size).where(AUDIENCES.c.looked_at.is_not(None))
    for name, size in (await rows(session, query)).all():
        if name in names:
            had = size or await _left_lately(session, name, now)
            yield Audience(name, size, had, (f"sojourn audience show {name}",))


async def _frozen(
    session: AsyncSession, names: Collection[str], now: datetime
) -> AsyncIterator[Audience]:
    query = (
        select(CAMPAIGNS.c.name, CAMPAIGNS.c.size)
        .where(CAMPAIGNS.c.frozen_at.is_not(None), CAMPAIGNS.c.frozen_at >= now - 52 * WEEK)
        .order_by(CAMPAIGNS.c.frozen_at.desc())
    )
    sizes: dict[str, list[int]] = defaultdict(list)
    for name, size in await rows(session, query):
        sizes[name].append(size)
    for name, (size, *before) in sizes.items():
        if name in names:
            usual = before[:OCCASIONS]
            had = min(usual) if len(usual) >= FEWEST_OCCASIONS else 0
            look = (f"sojourn campaign show {name}", f"sojourn campaign check {name}")
            yield Audience(name, size, had, look)


async def _left_lately(session: AsyncSession, name: str, now: datetime) -> int:
    query = select(func.count()).where(
        MEMBERS.c.audience == name, MEMBERS.c.inside.is_(False), MEMBERS.c.at >= now - DAY
    )
    return int((await rows(session, query)).scalar_one())
