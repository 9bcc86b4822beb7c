"""Planted effects are found, and what is no effect is not: customers, money, plans, horizons."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlmodel import SQLModel

from sojourn import EMAIL, Journey, Message, hours
from sojourn.domain.errors import UnknownName
from sojourn.domain.events import OrderCompleted, ProductAdded
from sojourn.domain.holdout import HELD_OUT, TREATED
from sojourn.domain.statistics.horizon import Horizon, TooEarly
from sojourn.domain.statistics.interval import Interval
from sojourn.insight.experiments import Outcome, outcome, planned
from sojourn.insight.lifetimes import lifetimes
from sojourn.insight.measuring import Measuring, Source
from sojourn.journeys.registry import Journeys
from sojourn.store import Store

NOW = datetime(2024, 6, 1, tzinfo=UTC)
CAME = NOW - timedelta(days=30)
NAME = "holdout-cart"
SOURCES = {"cart": Source(frozenset({"Order Completed"}), timedelta(days=7))}
EXPOSURES, EVENTS = (SQLModel.metadata.tables[name] for name in ("exposures", "events"))


@pytest_asyncio.fixture(loop_scope="session")
async def alone(migrated_url: str) -> AsyncIterator[Store]:
    store = await Store.open(migrated_url)
    yield store
    await store.close()


class Cart(Journey, name="cart", starts_on=ProductAdded, goal=OrderCompleted, holdout=0.1):
    """Hold one of ten out."""

    reminder = Message(EMAIL, useful_for=hours(24))

    async def steps(self) -> None:
        await self.send(self.reminder)


class Shop:
    """Customers who buy at random, by the side that they are on."""

    def __init__(self, store: Store, seed: int = 1) -> None:
        self.store, self.rnd, self.number = store, random.Random(seed), 0
        self.events: list[dict[str, object]] = []
        self.exposures: list[dict[str, object]] = []

    def come(self, variant: str, customers: int, share: float, *, at: datetime = CAME) -> int:
        """Have customers come, of which about a share buys; return how many did."""
        bought = 0
        for _ in range(customers):
            self.number += 1
            self.expose(variant, at)
            if self.rnd.random() < share:
                bought += 1
                self.order(at + timedelta(days=self.rnd.random() * 6.9))
        return bought

    def expose(self, variant: str, at: datetime) -> None:
        self.exposures.append(
            {
                "experiment": NAME,
                "customer_id": f"c{self.number}",
                "variant": variant,
                "at": at,
                "workflow_id": f"cart:c{self.number}:k",
            }
        )

    def order(self, at: datetime, name: str = "Order Completed", **more: object) -> None:
        said = {"order_id": f"o{self.number}", "total": 20 + self.rnd.random(), "currency": "EUR"}
        self.events.append(
            {
                "message_id": f"e{len(self.events)}",
                "customer_id": f"c{self.number}",
                "name": name,
                "occurred_at": at,
                "received_at": at,
                "properties": said | more,
            }
        )

    async def outcome(self, **asked: object) -> Outcome:
        async with self.store.transaction() as session:
            connection = await session.connection()
            for table, rows in ((EXPOSURES, self.exposures), (EVENTS, self.events)):
                if rows:
                    await connection.execute(table.insert(), rows)
                rows.clear()
        await Measuring(self.store, SOURCES).catch_up()
        async with self.store.reading() as session:
            return await outcome(session, NAME, SOURCES, NOW, **asked)  # type: ignore[arg-type]


async def test_a_planted_effect_is_found_and_each_customer_counts_once(alone: Store) -> None:
    shop = Shop(alone)
    held = shop.come(HELD_OUT, 1500, 0.05)
    treated = shop.come(TREATED, 1500, 0.15)
    for number in (1, 2, 3):  # an alias call has brought a second, younger exposure
        shop.number = number
        shop.expose(TREATED, CAME + timedelta(days=1))
    found = await shop.outcome(weights={HELD_OUT: 0.5, TREATED: 0.5})
    (other,) = found.others
    assert (found.base.variant, found.base.customers, found.base.converted) == (
        HELD_OUT, 1500, held,
    )  # fmt: skip
    assert (other.side.customers, other.side.converted) == (1500, treated)
    assert isinstance(other.converted, Interval)
    assert other.converted.low > 0
    assert other.converted.low < 0.10 < other.converted.high
    money = other.revenue["EUR"]
    assert isinstance(money, Interval)
    assert money.low < 0.10 * 20.5 < money.high
    assert found.divided is not None
    assert not found.divided.broken


async def test_what_is_no_effect_is_not_found(alone: Store) -> None:
    shop = Shop(alone, seed=5)
    shop.come(HELD_OUT, 600, 0.1)
    shop.come(TREATED, 600, 0.1)
    (other,) = (await shop.outcome()).others
    assert isinstance(other.converted, Interval)
    assert not other.converted.excludes()


async def test_what_counts_is_bought_in_time_and_not_taken_back(alone: Store) -> None:
    shop = Shop(alone)
    shop.come(HELD_OUT, 4, 0.0)
    shop.order(CAME - timedelta(days=1))  # before
    shop.order(CAME, order_id="at once")
    shop.number -= 1
    shop.order(CAME + timedelta(days=8))  # after its window
    shop.number -= 1
    shop.order(CAME + timedelta(days=1))
    shop.order(CAME + timedelta(days=2), "Order Refunded", total=None)
    shop.number -= 1
    shop.order(CAME + timedelta(days=1))
    shop.number = 4
    shop.come(TREATED, 3, 0.0)
    shop.come(TREATED, 5, 1.0, at=NOW - timedelta(days=6))  # these still have time to buy
    found = await shop.outcome()
    assert (found.base.customers, found.base.converted, found.young) == (4, 1, 5)
    assert [one.side.customers for one in found.others] == [3]


async def test_a_horizon_is_waited_for(alone: Store) -> None:
    shop = Shop(alone)
    shop.come(HELD_OUT, 50, 0.1)
    shop.come(TREATED, 80, 0.1)
    (early,) = (await shop.outcome(horizon=Horizon(customers=60))).others
    assert isinstance(early.converted, TooEarly)
    (there,) = (await shop.outcome(horizon=Horizon(customers=50))).others
    (daily,) = (await shop.outcome()).others
    assert isinstance(there.converted, Interval)
    assert isinstance(daily.converted, Interval)
    assert there.converted.high < daily.converted.high


async def test_an_uneven_division_is_told(alone: Store) -> None:
    shop = Shop(alone)
    shop.come(HELD_OUT, 300, 0.1)
    shop.come(TREATED, 700, 0.1)
    weights = planned(NAME, 0.0, Journeys([Cart]))
    assert weights == {HELD_OUT: 0.1, TREATED: 0.9}
    found = await shop.outcome(weights=weights)
    assert found.divided is not None
    assert found.divided.broken


async def test_an_unknown_experiment_is_one_clear_line(alone: Store) -> None:
    with pytest.raises(UnknownName, match="holdout-cart"):
        await Shop(alone).outcome()


async def test_lifetime_value_is_of_those_who_are_old_enough(alone: Store) -> None:
    shop = Shop(alone)
    shop.come(HELD_OUT, 40, 0.5, at=NOW - timedelta(days=100))
    shop.come(TREATED, 40, 1.0, at=NOW - timedelta(days=100))
    shop.come(TREATED, 30, 1.0, at=NOW - timedelta(days=40))
    await shop.outcome()
    async with alone.reading() as session:
        (found,) = await lifetimes(session, NAME, SOURCES, NOW, months=12)
    assert (found.variant, found.base, found.currency) == (TREATED, HELD_OUT, "EUR")
    assert [(one.months, one.customers) for one in found.ages] == [
        (1, (70, 40)), (2, (40, 40)), (3, (40, 40)),
    ]  # fmt: skip
    (first, *_) = found.ages
    assert isinstance(first.treated, Interval)
    assert 20 <= first.treated.point <= 21
    assert isinstance(first.difference, Interval)
    assert first.difference.low > 0
