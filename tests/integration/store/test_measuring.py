"""Rollups count what the rows count, whatever happens in whatever order, and whatever is killed."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlmodel import col, select

from sojourn.domain.calendar import zone
from sojourn.domain.measuring.attribution import Model
from sojourn.domain.measuring.measures import COLUMNS
from sojourn.domain.states import MessageState
from sojourn.insight.measuring import Measuring, Source
from sojourn.store import Store
from sojourn.store.measuring import marks, rollups
from sojourn.store.tables import (
    ConversionRow,
    LedgerRow,
    RollupHoldRow,
    RollupMoneyRow,
    RollupReasonRow,
    RollupRow,
)
from tests.support.dying import pass_or_die
from tests.support.measured import GOALS, WINDOWS, Counts, Shop, counted

HAPPENINGS = int(os.environ.get("SOJOURN_HAPPENINGS", "150"))
SEEDS = range(int(os.environ.get("SOJOURN_SEEDS", "2")))
SOURCES = {name: Source(frozenset(some), WINDOWS[name]) for name, some in GOALS.items()}


@pytest_asyncio.fixture(loop_scope="session")
async def alone(migrated_url: str) -> AsyncIterator[Store]:
    """Open a store of which every row is counted, so that no other test may have it."""
    store = await Store.open(migrated_url)
    yield store
    await store.close()


async def rolled_up(store: Store) -> Counts:
    """Return the numbers of the rollups, as `counted` writes them."""
    found: Counts = {}
    async with store.reading() as session:
        cells = {row.id: row for row in (await session.exec(select(RollupRow))).all()}
        reasons = (await session.exec(select(RollupReasonRow))).all()
        holds = (await session.exec(select(RollupHoldRow))).all()
        money = (await session.exec(select(RollupMoneyRow))).all()

    def key(row: RollupRow) -> tuple[str, ...]:
        return (row.day, row.source, row.occasion, row.version, row.step, row.variant,
                row.channel, row.language, row.mailbox)  # fmt: skip

    for row in cells.values():
        for column in ("entered", *COLUMNS):
            found[*key(row), column] = getattr(row, column)
    for why in reasons:
        found[*key(cells[why.rollup_id]), f"because {why.reason}"] = why.n
    for held in holds:
        found[*key(cells[held.rollup_id]), f"held because {held.reason}"] = held.n
    for paid in money:
        if paid.model != Model.LINEAR:
            of = key(cells[paid.rollup_id])
            found[*of, f"{paid.model} {paid.currency}"] = paid.orders
            found[*of, f"{paid.model} money {paid.currency}"] = paid.value
    assert min(found.values(), default=0) >= 0
    return {name: number for name, number in found.items() if number}


@pytest.mark.parametrize("seed", SEEDS)
async def test_rollups_are_what_an_independent_count_finds(alone: Store, seed: int) -> None:
    store, chance = alone, random.Random(seed)
    shop, measuring = Shop(store, chance), Measuring(store, SOURCES)
    for number in range(HAPPENINGS):
        await shop.something()
        if number == HAPPENINGS // 3:  # until here no event was known to be a goal
            await measuring.catch_up()
        if chance.random() < 0.2:
            await pass_or_die(measuring, chance)
    await measuring.catch_up()
    assert await rolled_up(store) == await counted(store)
    async with store.reading() as session:
        assert await marks.waiting(session) == 0
    before = await rolled_up(store)
    await measuring.rebuild()
    assert await rolled_up(store) == before


async def test_passes_and_changes_side_by_side(alone: Store) -> None:
    store, chance = alone, random.Random(7)
    shop, measuring = Shop(store, chance), Measuring(store, SOURCES)
    over = asyncio.Event()

    async def measure() -> None:
        while not over.is_set():
            await measuring.count(5)
            await asyncio.sleep(0)

    async def live() -> None:
        await asyncio.gather(*(_some(shop) for _ in range(3)))
        over.set()

    await asyncio.gather(live(), measure(), measure())
    await measuring.catch_up()
    assert await rolled_up(store) == await counted(store)


async def _some(shop: Shop) -> None:
    for _ in range(HAPPENINGS // 6):
        await shop.something()


async def test_linear_credit_is_one_order_in_all(alone: Store) -> None:
    store = alone
    shop, measuring = Shop(store, random.Random(3)), Measuring(store, SOURCES)
    for _ in range(HAPPENINGS):
        await shop._message()
        await shop._order()
    await measuring.catch_up()
    async with store.reading() as session:
        credited = (await session.exec(select(ConversionRow))).all()
        money = (await session.exec(select(RollupMoneyRow))).all()
    orders = {one.seq: one for one in credited}
    assert len(orders) > 3
    assert any(one.touches > 1 for one in credited)
    for model in Model:
        mine = [one for one in money if one.model == model]
        assert sum(one.orders for one in mine) == 1_000_000 * len(orders), model
        assert sum(one.value for one in mine) == sum(one.value for one in orders.values()), model


async def test_a_day_is_one_of_the_installations_zone(alone: Store) -> None:
    store = alone
    late = datetime(2024, 1, 1, 23, 30, tzinfo=UTC)
    shop = Shop(store, random.Random(0))
    await shop._message()
    async with store.transaction() as session:
        row = (await session.exec(select(LedgerRow))).one()
        row.due_at = late
    await Measuring(store, tz=zone("Europe/Rome")).catch_up()
    async with store.reading() as session:
        days = (await session.exec(select(RollupRow.day).where(col(RollupRow.due) > 0))).all()
    assert days == ["2024-01-02"]


async def test_an_order_is_credited_to_no_message_that_did_not_leave(alone: Store) -> None:
    store = alone
    shop = Shop(store, random.Random(0))
    await shop._event("Order Completed", {"order_id": "o", "total": 10, "currency": "EUR"})
    await shop._message()
    async with store.transaction() as session:
        row = (await session.exec(select(LedgerRow))).one()
        order = (await session.exec(select(rollups.TABLES["events"].c.customer_id))).one()
        row.journey, row.workflow_id, row.state = "winback", "winback:1", MessageState.SKIPPED
        row.reason, row.customer_id = "no_consent", order
        row.decided_at = row.due_at = datetime(2023, 12, 31, tzinfo=UTC)
        day = row.due_at + timedelta(days=1)
        await session.exec(rollups.TABLES["events"].update().values(occurred_at=day))
    measuring = Measuring(store, SOURCES)
    await measuring.rebuild()
    assert not any("converted" in key for key in await rolled_up(store))
    async with store.transaction() as session:
        row = (await session.exec(select(LedgerRow))).one()
        row.state, row.reason = MessageState.SENT, None
    await measuring.catch_up()
    assert any("converted" in key for key in await rolled_up(store))
