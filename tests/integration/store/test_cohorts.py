"""Cohorts count what the rows of experiments count, whatever happens, and whatever is killed."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import delete, update
from sqlmodel import col, select

from sojourn.insight.measuring import Measuring, Source
from sojourn.store import Store
from sojourn.store.tables import (
    CohortMemberRow,
    CohortOrderRow,
    CohortRow,
    EventRow,
    ExposureRow,
    MarkRow,
)
from tests.support.dying import pass_or_die
from tests.support.measured import BEGIN, GOALS, WINDOWS, Shop, loaded

HAPPENINGS = int(os.environ.get("SOJOURN_HAPPENINGS", "150"))
SEEDS = range(int(os.environ.get("SOJOURN_SEEDS", "2")))
SOURCES = {name: Source(frozenset(some), WINDOWS[name]) for name, some in GOALS.items()}
Counts = dict[tuple[str, ...], int]


@pytest_asyncio.fixture(loop_scope="session")
async def alone(migrated_url: str) -> AsyncIterator[Store]:
    """Open a store of which every row is counted, so that no other test may have it."""
    store = await Store.open(migrated_url)
    yield store
    await store.close()


async def in_cohorts(store: Store) -> Counts:
    """Return the numbers of the cohorts, as `counted` writes them; 0 is left out."""
    found = Counter[tuple[str, ...]]()
    async with store.reading() as session:
        cohorts = {row.id: row for row in (await session.exec(select(CohortRow))).all()}
        members = (await session.exec(select(CohortMemberRow))).all()
        orders = (await session.exec(select(CohortOrderRow))).all()
    of = {
        one.exposure_id: (row.experiment, row.variant, row.source, row.day)
        for one in members
        for row in (cohorts[one.cohort_id],)
    }
    for row in cohorts.values():
        found[row.experiment, row.variant, row.source, row.day, "customers"] = row.customers
    for one in orders:
        key = (*of[one.exposure_id], one.currency)
        found[*key, "orders"] += 1
        found[*key, "value"] += one.value
        found[*key, "age"] += one.age
        found[*key, "months"] += one.months
    return {key: number for key, number in found.items() if number}


async def counted(store: Store) -> Counts:
    """Count the rows by DuckDB, which knows nothing of Sojourn."""
    base = await loaded(store, GOALS, WINDOWS)
    every = sorted({name for names in GOALS.values() for name in names})
    for name in every:  # of the installation's control group, every goal counts
        base.execute("INSERT INTO goals VALUES ('*', ?, 7)", [name])
    base.execute(_FIRSTS)
    found: Counts = {
        (*key, "customers"): number for *key, number in base.execute(_CUSTOMERS).fetchall()
    }
    for *key, orders, value, age, months in base.execute(_ORDERS).fetchall():
        sums = {"orders": orders, "value": value, "age": age, "months": months}
        found |= {(*key, name): int(number) for name, number in sums.items() if number}
    return found


_FIRSTS = """
CREATE VIEW firsts AS
SELECT experiment, customer_id, arg_min(variant, ("at", id)) AS variant, min("at") AS at,
    arg_min(split_part(split_part(replace(workflow_id, 'campaign:', ''), ':', 1), '@', 1),
        ("at", id)) AS source
FROM exposures GROUP BY ALL
"""
_CUSTOMERS = """
SELECT experiment, variant, source, strftime("at", '%Y-%m-%d'), count(*) FROM firsts GROUP BY ALL
"""
_ORDERS = """
SELECT f.experiment, f.variant, f.source, strftime(f.at, '%Y-%m-%d'), s.currency, count(*),
    sum(s.value * 1000000), sum(epoch_us(s.at) - epoch_us(f.at)),
    sum(len(list_filter(range(1, 9), lambda n: f.at + to_months(n) <= s.at)))
FROM firsts f JOIN standing s ON s.customer_id = f.customer_id AND s.at >= f.at
    AND s.source = CASE WHEN f.experiment = 'holdout' THEN '*' ELSE f.source END
GROUP BY ALL
"""


class Divided(Shop):
    """A shop with experiments, whose customers are joined and erased, too."""

    async def something(self) -> None:
        """Make one more thing happen."""
        happens = self.chance.choice(
            [self.expose, self.expose, self._order, self._order, self._order, self._take_back,
             self._move, self._message, self._erase_some]
        )  # fmt: skip
        await happens()

    async def _erase_some(self) -> None:
        if self.chance.random() < 0.3:
            await self.erase()


@pytest.mark.parametrize("seed", SEEDS)
async def test_cohorts_are_what_an_independent_count_finds(alone: Store, seed: int) -> None:
    store, chance = alone, random.Random(seed)
    shop, measuring = Divided(store, chance), Measuring(store, SOURCES)
    for number in range(HAPPENINGS):
        await shop.something()
        if number == HAPPENINGS // 3:  # until here no event was known to be a goal
            await measuring.catch_up()
        if chance.random() < 0.2:
            await pass_or_die(measuring, chance)
    await measuring.catch_up()
    before = await counted(store)
    assert len(before) > 20
    assert await in_cohorts(store) == before
    await measuring.rebuild()
    assert await in_cohorts(store) == before


async def test_passes_and_changes_side_by_side(alone: Store) -> None:
    store, chance = alone, random.Random(7)
    shop, measuring = Divided(store, chance), Measuring(store, SOURCES)
    over = asyncio.Event()

    async def measure() -> None:
        while not over.is_set():
            await measuring.count(5)
            await asyncio.sleep(0)

    async def live() -> None:
        for _ in range(HAPPENINGS // 3):
            await asyncio.gather(shop.something(), shop.expose())
        over.set()

    await asyncio.gather(live(), measure(), measure())
    await measuring.catch_up()
    assert await in_cohorts(store) == await counted(store)


async def test_an_order_stays_when_its_event_has_given_up_its_fields(alone: Store) -> None:
    shop, measuring = Shop(alone, random.Random(1)), Measuring(alone, SOURCES)
    async with alone.transaction() as session:
        for number, who in enumerate(("u1", "u2")):
            session.add(
                ExposureRow(
                    experiment="tone", customer_id=who, variant="plain",
                    at=BEGIN - timedelta(days=40 * number), workflow_id="cart:u:k",
                )
            )  # fmt: skip
    shop._who = lambda: "u1"  # type: ignore[method-assign]
    await shop._event("Order Completed", {"order_id": "a", "total": 20, "currency": "EUR"})
    await measuring.catch_up()
    async with alone.transaction() as session:
        await session.exec(update(EventRow).values(properties={}))
    await shop._event("Order Completed", {"order_id": "b", "total": 5, "currency": "EUR"})
    await measuring.catch_up()
    assert [value for _, value, _ in await _orders(alone)] == [5_000_000, 20_000_000]
    async with alone.transaction() as session:  # the other one proves to be the same person
        for table in (EventRow, ExposureRow):
            await session.exec(
                update(table).where(col(table.customer_id) == "u1").values(customer_id="u2")
            )
    await measuring.catch_up()
    moved = await _orders(alone)
    assert [value for _, value, _ in moved] == [5_000_000, 20_000_000]
    assert {months for *_, months in moved} == {1}
    assert len({exposure for exposure, *_ in moved}) == 1
    await measuring.rebuild()
    assert await _orders(alone) == moved


async def test_who_came_before_the_upgrade_is_counted(alone: Store) -> None:
    shop, measuring = Shop(alone, random.Random(2)), Measuring(alone, SOURCES)
    await measuring.catch_up()
    for number in range(9):
        shop._who = lambda who=f"former{number}": who  # type: ignore[method-assign, misc]
        await shop.expose()
    await shop._order()
    async with alone.transaction() as session:  # no trigger was there to mark them
        await session.exec(delete(MarkRow))
    shop._who = lambda: "new"  # type: ignore[method-assign]
    await shop.expose()
    await measuring.catch_up()
    assert await in_cohorts(alone) == await counted(alone)


async def _orders(store: Store) -> list[tuple[int, int, int]]:
    async with store.reading() as session:
        query = select(CohortOrderRow.exposure_id, CohortOrderRow.value, CohortOrderRow.months)
        found = (await session.exec(query.order_by(col(CohortOrderRow.value)))).all()
    return [(exposure, value, months) for exposure, value, months in found]
