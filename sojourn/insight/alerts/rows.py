"""Rows of plain tables, as the counts of alerts are read."""

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession


async def rows(session: AsyncSession, query: Any) -> Any:
    """Return the rows of a query, without their classes."""
    return await (await session.connection()).execute(query)
