"""Outcomes: the customers of an experiment, in the order in which they came into it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, tuple_
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

EXPOSURES = SQLModel.metadata.tables["exposures"]


@dataclass(frozen=True)
class Exposed:
    """A customer of an experiment, when they came into it.

    Args:
        id: the number of the row.
        customer_id: the id that holds everything.
        variant: the customer's variant.
        at: when it first mattered.
        workflow_id: the run or campaign where it first mattered.
    """

    id: int
    customer_id: str
    variant: str
    at: datetime
    workflow_id: str


async def experiments(session: AsyncSession) -> list[tuple[str, datetime, int]]:
    """Return the experiments that customers are in: name, beginning, number of customers."""
    query = (
        select(
            EXPOSURES.c.experiment,
            func.min(EXPOSURES.c.at),
            func.count(EXPOSURES.c.customer_id.distinct()),
        )
        .group_by(EXPOSURES.c.experiment)
        .order_by(EXPOSURES.c.experiment)
    )
    rows = await (await session.connection()).execute(query)
    return [(name, at, number) for name, at, number in rows]


async def exposed(
    session: AsyncSession, experiment: str, *, after: int, limit: int
) -> Sequence[Exposed]:
    """Return customers of an experiment, each once, by their first row.

    Args:
        session: any session.
        experiment: its name.
        after: the number of the last one before; 0 at the beginning.
        limit: the most to return.

    Returns:
        The customers.
    """
    own = EXPOSURES.alias("earlier")
    earlier = select(own.c.id).where(
        own.c.experiment == experiment,
        own.c.customer_id == EXPOSURES.c.customer_id,
        tuple_(own.c.at, own.c.id) < tuple_(EXPOSURES.c.at, EXPOSURES.c.id),
    )
    query = (
        select(
            EXPOSURES.c.id,
            EXPOSURES.c.customer_id,
            EXPOSURES.c.variant,
            EXPOSURES.c.at,
            EXPOSURES.c.workflow_id,
        )
        .where(EXPOSURES.c.experiment == experiment, EXPOSURES.c.id > after, ~earlier.exists())
        .order_by(EXPOSURES.c.id)
        .limit(limit)
    )
    rows = await (await session.connection()).execute(query)
    return [Exposed(*row) for row in rows]
