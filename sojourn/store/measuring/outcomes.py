"""Outcomes: the customers of experiments as they were divided, and what those told who bought.

Both questions are asked of all customers at once: who did not buy, and that is most of them, is
counted by the database and never read one by one.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, func, select, tuple_
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.campaign_run import PREFIX
from sojourn.domain.measuring.orders import Told
from sojourn.store.dialects import before, day_of

EXPOSURES, EVENTS = (SQLModel.metadata.tables[name] for name in ("exposures", "events"))


@dataclass(frozen=True)
class Came:
    """Customers who came into an experiment alike.

    Args:
        experiment: its name.
        variant: that they have.
        source: the journey or the campaign in which it mattered for the first time.
        day: when it did, by UTC.
        customers: the number of them.
        grown: of them, those whose time to buy is over.
    """

    experiment: str
    variant: str
    source: str
    day: date
    customers: int
    grown: int


@dataclass(frozen=True)
class Exposed:
    """A customer of an experiment who bought once, and what they told of it.

    Args:
        experiment: its name.
        customer_id: the id that holds everything.
        variant: that the customer has.
        source: the journey or the campaign in which it mattered for the first time.
        at: when it did.
        told: events that tell orders, or take them back, in no order.
    """

    experiment: str
    customer_id: str
    variant: str
    source: str
    at: datetime
    told: list[Told]


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


async def came(
    session: AsyncSession,
    now: datetime,
    windows: Mapping[str, timedelta],
    usual: timedelta,
    of_all: Mapping[str, timedelta],
    *,
    experiment: str = "",
) -> list[Came]:
    """Return the customers of experiments, counted; each customer once, by their first row.

    Args:
        session: any session.
        now: the present moment.
        windows: how long customers have to buy, by journey or campaign.
        usual: the same of others.
        of_all: the same by experiment, of those that are not of one journey.
        experiment: of this one alone; empty: of all.

    Returns:
        The numbers, in no order.
    """
    source = _source(session)
    own = EXPOSURES.alias("earlier")
    earlier = select(own.c.id).where(
        own.c.experiment == EXPOSURES.c.experiment,
        own.c.customer_id == EXPOSURES.c.customer_id,
        tuple_(own.c.at, own.c.id) < tuple_(EXPOSURES.c.at, EXPOSURES.c.id),
    )
    inner = select(
        EXPOSURES.c.experiment,
        EXPOSURES.c.variant,
        source.label("source"),
        day_of(session, EXPOSURES.c.at).label("day"),
        EXPOSURES.c.at,
    ).where(~earlier.exists())
    if experiment:
        inner = inner.where(EXPOSURES.c.experiment == experiment)
    rows = inner.subquery()
    over = [
        (rows.c.experiment == name, rows.c.at <= now - window) for name, window in of_all.items()
    ]
    for window in set(windows.values()) - {usual}:
        names = [name for name, one in windows.items() if one == window]
        over.append((rows.c.source.in_(names), rows.c.at <= now - window))
    others = rows.c.at <= now - usual
    grown = case(*over, else_=others) if over else others
    key = (rows.c.experiment, rows.c.variant, rows.c.source, rows.c.day)
    query = select(*key, func.count(), func.sum(case((grown, 1), else_=0))).group_by(*key)
    return [
        Came(name, variant, of, date.fromisoformat(day), int(number), int(old))
        for name, variant, of, day, number, old in await _rows(session, query)
    ]


async def who_told(
    session: AsyncSession, goals: Collection[str], others: Collection[str], *, experiment: str = ""
) -> list[Exposed]:
    """Return the customers of experiments who told an order, whenever they did.

    Args:
        session: any session.
        goals: the wire names of events that tell orders.
        others: those of events that take orders back.
        experiment: of this one alone; empty: of all.

    Returns:
        The customers, each once by their first row, in no order; events that are copies of another
        id's are left out, and so are those that have given up their fields by age.
    """
    if not goals:
        return []
    query = (
        select(
            EXPOSURES.c.experiment,
            EXPOSURES.c.customer_id,
            EXPOSURES.c.variant,
            _source(session),
            EXPOSURES.c.at,
            EXPOSURES.c.id,
            EVENTS.c.seq,
            EVENTS.c.message_id,
            EVENTS.c.name,
            EVENTS.c.occurred_at,
            EVENTS.c.properties,
        )
        .join(EVENTS, EVENTS.c.customer_id == EXPOSURES.c.customer_id)
        .where(EVENTS.c.name.in_({*goals, *others}), EVENTS.c.copy_of.is_(None))
    )
    if experiment:
        query = query.where(EXPOSURES.c.experiment == experiment)
    found: dict[tuple[str, str], tuple[tuple[datetime, int], Exposed]] = {}
    for name, customer_id, variant, source, at, number, *told in await _rows(session, query):
        event = Told(*told)
        if not event.properties:
            continue
        had = found.get((name, customer_id))
        if had is None or (at, number) < had[0]:
            one = Exposed(name, customer_id, variant, source, at, [])
            found[name, customer_id] = had = ((at, number), one)
        if had[0] == (at, number):
            had[1].told.append(event)
    return [one for _, one in found.values()]


def _source(session: AsyncSession) -> ColumnElement[str]:
    """Return the journey or the campaign of a row: its run's id begins with it."""
    run = EXPOSURES.c.workflow_id
    whole = case((run.startswith(PREFIX), func.substr(run, len(PREFIX) + 1)), else_=run)
    return before(session, before(session, whole, ":"), "@")


async def _rows(session: AsyncSession, query: Any) -> Sequence[Any]:
    return (await (await session.connection()).execute(query)).all()
