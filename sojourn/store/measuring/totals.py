"""Totals: the sums of all rollups, of few kinds, for a page of metrics."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func
from sqlmodel import SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.measuring.attribution import Model
from sojourn.domain.measuring.measures import COLUMNS

ROLLUPS, REASONS, MONEY = (
    SQLModel.metadata.tables[name] for name in ("rollups", "rollup_reasons", "rollup_money")
)
MILLIONTHS = 1_000_000


async def measures(session: AsyncSession) -> Mapping[tuple[str, str], tuple[int, ...]]:
    """Return the sums by source and channel: those who entered, then each measure."""
    sums = (func.sum(ROLLUPS.c[name]) for name in ("entered", *COLUMNS))
    key = (ROLLUPS.c.source, ROLLUPS.c.channel)
    rows = await _run(session, select(*key, *sums).group_by(*key))
    return {(source, channel): tuple(map(int, numbers)) for source, channel, *numbers in rows}


async def reasons(session: AsyncSession) -> Mapping[tuple[str, str], int]:
    """Return how many messages did not leave, by source and reason."""
    key = (ROLLUPS.c.source, REASONS.c.reason)
    query = (
        select(*key, func.sum(REASONS.c.n))
        .join_from(ROLLUPS, REASONS, REASONS.c.rollup_id == ROLLUPS.c.id)
        .group_by(*key)
    )
    return {(source, reason): int(n) for source, reason, n in await _run(session, query)}


async def revenue(session: AsyncSession) -> Mapping[tuple[str, str], float]:
    """Return the revenue credited to the last message before an order, by source and currency."""
    key = (ROLLUPS.c.source, MONEY.c.currency)
    query = (
        select(*key, func.sum(MONEY.c.value))
        .join_from(ROLLUPS, MONEY, MONEY.c.rollup_id == ROLLUPS.c.id)
        .where(MONEY.c.model == Model.LAST.value)
        .group_by(*key)
    )
    return {
        (source, currency): int(value) / MILLIONTHS
        for source, currency, value in await _run(session, query)
    }


async def _run(session: AsyncSession, query: Any) -> Any:
    return await (await session.connection()).execute(query)
