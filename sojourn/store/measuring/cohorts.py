"""Cohorts: the customers of experiments, counted by the day they came, and the orders of buyers.

A customer counts by their first exposure in an experiment. One who has bought nothing is a part of
a number; the orders of the others stand in rows of their own, without the customer's name.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import bindparam, func, tuple_
from sqlmodel import SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.campaign_run import PREFIX
from sojourn.store.dialects import insert

EXPOSURES, COHORTS, MEMBERS, ORDERS = (
    SQLModel.metadata.tables[name]
    for name in ("exposures", "cohorts", "cohort_members", "cohort_orders")
)


@dataclass(frozen=True, slots=True)
class Exposure:
    """A variant that a customer had.

    Args:
        id: the number of its row.
        experiment: the name of the experiment.
        customer_id: the id that holds everything.
        variant: the variant.
        at: when it was first asked for.
        workflow_id: the run that asked.
    """

    id: int
    experiment: str
    customer_id: str
    variant: str
    at: datetime
    workflow_id: str

    @property
    def source(self) -> str:
        """The journey or the campaign of the run: its id begins with it."""
        return self.workflow_id.removeprefix(PREFIX).partition(":")[0].partition("@")[0]


@dataclass(frozen=True, slots=True, order=True)
class Cohort:
    """Customers who came into an experiment alike.

    Args:
        experiment: the name of the experiment.
        variant: that they have.
        source: the journey or the campaign in which it mattered for the first time.
        day: when it did, by UTC: ``2026-12-01``.
    """

    experiment: str
    variant: str
    source: str
    day: str

    @classmethod
    def of(cls, one: Exposure) -> "Cohort":
        """Return the cohort of an exposure that is its customer's first."""
        day = one.at.astimezone(UTC).date().isoformat()
        return cls(one.experiment, one.variant, one.source, day)


@dataclass(frozen=True, slots=True)
class Bought:
    """An order of a customer in a cohort.

    Args:
        exposure_id: the number of the customer's first exposure.
        seq: the number of the event that tells the order.
        at: when it happened.
        currency: the currency of the value; empty: none is known.
        value: the order's value, in millionths of the currency.
        age: the time since the exposure, in microseconds.
        months: the same in whole months.
    """

    exposure_id: int
    seq: int
    at: datetime
    currency: str
    value: int
    age: int
    months: int


@dataclass(frozen=True)
class Came:
    """Customers who came into an experiment alike, counted.

    Args:
        number: of the cohort.
        experiment: its name.
        variant: that they have.
        source: the journey or the campaign in which it mattered for the first time.
        day: when it did, by UTC.
        customers: the number of them.
    """

    number: int
    experiment: str
    variant: str
    source: str
    day: date
    customers: int


CELL = tuple(one.name for one in fields(Cohort))
_COLUMNS = tuple(one.name for one in fields(Bought))
PARTS = 200
"""Cohorts of one statement: a database limits the values of a statement."""


# ---- counting ----------------------------------------------------------------------------------


async def who(session: AsyncSession, numbers: Collection[int]) -> set[str]:
    """Return the customers of exposures; those that were deleted have none."""
    if not numbers:
        return set()
    query = select(EXPOSURES.c.customer_id).where(EXPOSURES.c.id.in_(numbers)).distinct()
    return set((await _rows(session, query)).scalars())


async def exposures(session: AsyncSession, customer_ids: Collection[str]) -> list[Exposure]:
    """Return all exposures of customers, the first ones first."""
    if not customer_ids:
        return []
    query = (
        select(*(EXPOSURES.c[one.name] for one in fields(Exposure)))
        .where(EXPOSURES.c.customer_id.in_(customer_ids))
        .order_by(EXPOSURES.c.at, EXPOSURES.c.id)
    )
    return [Exposure(*row) for row in await _rows(session, query)]


async def counted(session: AsyncSession, numbers: Collection[int]) -> dict[int, int]:
    """Return the number of the cohort in which each exposure counts, if it counts in one."""
    if not numbers:
        return {}
    query = select(MEMBERS.c.exposure_id, MEMBERS.c.cohort_id).where(
        MEMBERS.c.exposure_id.in_(numbers)
    )
    return {row[0]: row[1] for row in await _rows(session, query)}


async def lack_all(session: AsyncSession) -> bool:
    """Tell whether there are exposures, and none counts: they are from before the upgrade."""
    for table, there in ((EXPOSURES, True), (MEMBERS, False)):
        query = select(next(iter(table.primary_key.columns))).limit(1)
        if ((await _rows(session, query)).first() is not None) != there:
            return False
    return True


async def bought(session: AsyncSession, numbers: Collection[int]) -> list[Bought]:
    """Return the orders that are noted for exposures."""
    if not numbers:
        return []
    query = select(*(ORDERS.c[name] for name in _COLUMNS)).where(ORDERS.c.exposure_id.in_(numbers))
    return [Bought(*row) for row in await _rows(session, query)]


async def change(session: AsyncSession, new: Mapping[int, Cohort], gone: Mapping[int, int]) -> None:
    """Count exposures in their cohorts, and take others out.

    Args:
        session: the writing transaction that has read where they counted before.
        new: the cohorts of exposures that count from now on, by the number of the exposure.
        gone: the numbers of cohorts, by the numbers of exposures that count no more.
    """
    numbers = await _numbers(session, sorted(set(new.values())))
    changes: dict[int, int] = {}
    for cohort in new.values():
        changes[numbers[cohort]] = changes.get(numbers[cohort], 0) + 1
    for number in gone.values():
        changes[number] = changes.get(number, 0) - 1
    connection = await session.connection()
    rows = [{"number": number, "more": more} for number, more in sorted(changes.items()) if more]
    if rows:
        await connection.execute(
            COHORTS.update()
            .where(COHORTS.c.id == bindparam("number"))
            .values(customers=COHORTS.c.customers + bindparam("more")),
            rows,
        )
    if gone:
        await connection.execute(MEMBERS.delete().where(MEMBERS.c.exposure_id.in_(list(gone))))
    if new:
        await connection.execute(
            MEMBERS.insert(),
            [{"exposure_id": one, "cohort_id": numbers[of]} for one, of in sorted(new.items())],
        )


async def replace(session: AsyncSession, gone: Iterable[Bought], new: Iterable[Bought]) -> None:
    """Note orders in the place of others.

    Args:
        session: a writing transaction.
        gone: orders as they are noted.
        new: those to note instead.
    """
    connection = await session.connection()
    if old := [{"of": one.exposure_id, "number": one.seq} for one in gone]:
        await connection.execute(
            ORDERS.delete().where(
                ORDERS.c.exposure_id == bindparam("of"), ORDERS.c.seq == bindparam("number")
            ),
            old,
        )
    if rows := [dict(zip(_COLUMNS, astuple(one), strict=True)) for one in new]:
        await connection.execute(ORDERS.insert(), rows)


async def clear(session: AsyncSession) -> None:
    """Delete all counts, so that exposures can be counted again.

    Orders stay, except those of exposures that exist no more: events that have given up their
    fields by age cannot tell them again.
    """
    connection = await session.connection()
    for table in (MEMBERS, COHORTS):
        await connection.execute(table.delete())
    exists = select(EXPOSURES.c.id).where(EXPOSURES.c.id == ORDERS.c.exposure_id).exists()
    await connection.execute(ORDERS.delete().where(~exists))


async def _numbers(session: AsyncSession, cohorts: Sequence[Cohort]) -> dict[Cohort, int]:
    """Return the numbers of cohorts; create new ones."""
    found: dict[Cohort, int] = {}
    connection = await session.connection()
    columns = [COHORTS.c[name] for name in CELL]
    for start in range(0, len(cohorts), PARTS):
        part = [astuple(one) for one in cohorts[start : start + PARTS]]
        await connection.execute(
            insert(session, COHORTS).on_conflict_do_nothing(),
            [dict(zip(CELL, one, strict=True)) for one in part],
        )
        query = select(COHORTS.c.id, *columns).where(tuple_(*columns).in_(part))
        found |= {Cohort(*cell): number for number, *cell in await connection.execute(query)}
    return found


# ---- reading -----------------------------------------------------------------------------------


async def experiments(session: AsyncSession) -> list[tuple[str, date, int]]:
    """Return the experiments that customers are in: name, first day, number of customers."""
    query = (
        select(COHORTS.c.experiment, func.min(COHORTS.c.day), func.sum(COHORTS.c.customers))
        .where(COHORTS.c.customers > 0)
        .group_by(COHORTS.c.experiment)
        .order_by(COHORTS.c.experiment)
    )
    rows = await _rows(session, query)
    return [(name, date.fromisoformat(day), int(number)) for name, day, number in rows]


async def came(session: AsyncSession, *, experiment: str = "") -> list[Came]:
    """Return the customers of experiments, counted.

    Args:
        session: any session.
        experiment: of this one alone; empty: of all.

    Returns:
        The numbers, by experiment, in an order that stays.
    """
    query = select(COHORTS).where(COHORTS.c.customers > 0)  # type: ignore[call-overload]
    if experiment:
        query = query.where(COHORTS.c.experiment == experiment)
    query = query.order_by(*(COHORTS.c[name] for name in CELL))
    return [
        Came(number, name, variant, source, date.fromisoformat(day), customers)
        for number, name, variant, source, day, customers in await _rows(session, query)
    ]


async def orders(
    session: AsyncSession, *, experiment: str = ""
) -> list[tuple[int, int, str, int, int, int]]:
    """Return the orders of customers in cohorts.

    Args:
        session: any session.
        experiment: of this one alone; empty: of all.

    Returns:
        Of each, in no order: the number of the cohort, a number that stands for the customer, the
        currency, the value in millionths, the age in microseconds and in months.
    """
    query = select(  # type: ignore[call-overload]
        MEMBERS.c.cohort_id,
        ORDERS.c.exposure_id,
        ORDERS.c.currency,
        ORDERS.c.value,
        ORDERS.c.age,
        ORDERS.c.months,
    ).join_from(ORDERS, MEMBERS, MEMBERS.c.exposure_id == ORDERS.c.exposure_id)
    if experiment:
        query = query.join(COHORTS, COHORTS.c.id == MEMBERS.c.cohort_id).where(
            COHORTS.c.experiment == experiment
        )
    return [tuple(row) for row in await _rows(session, query)]


async def _rows(session: AsyncSession, query: Any) -> Any:
    return await (await session.connection()).execute(query)
