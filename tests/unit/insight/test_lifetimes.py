"""Lifetime value from counts is that of the customers themselves, one by one."""

import random
from datetime import UTC, datetime, time, timedelta

import pytest

from sojourn.domain.statistics import Life, lifetime_value
from sojourn.domain.statistics.lifetime import months_old
from sojourn.insight.exposed import Arrived, Divided
from sojourn.insight.lifetimes import lifetimes_of
from sojourn.insight.payments import Payments, Row
from sojourn.store.measuring.cohorts import Came

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
YESTERDAY = datetime(2024, 6, 1, tzinfo=UTC) - timedelta(microseconds=1)
MICROSECOND = timedelta(microseconds=1)
VARIANTS = ("plain", "warm")


@pytest.mark.parametrize("seed", range(3))
def test_lifetime_value_is_that_of_the_customers_one_by_one(seed: int) -> None:
    chance = random.Random(seed)
    arrived: list[Arrived] = []
    rows: list[Row] = []
    lives: dict[str, list[Life]] = {variant: [] for variant in VARIANTS}
    for place, day in enumerate((150, 92, 62, 61, 31, 30, 1, 0)):
        entered = datetime.combine((NOW - timedelta(days=day)).date(), time(), UTC)
        variant = VARIANTS[place % 2]
        for customer in range(place * 20, place * 20 + 20):
            at = entered + timedelta(minutes=chance.randrange(24 * 60))
            moments = [at + timedelta(hours=chance.randrange(24 * 90)) for _ in range(2)]
            paid = [(one, chance.randrange(1, 90)) for one in moments if chance.random() < 0.7]
            lives[variant].append(Life(at, tuple((one, float(value)) for one, value in paid)))
            rows += [
                (place, customer, "EUR", value * 10**6, (one - at) // MICROSECOND,
                 months_old(at, one))
                for one, value in paid
            ]  # fmt: skip
        came = Came(place, "tone", variant, "cart", entered.date(), 20)
        arrived.append(Arrived(came, timedelta(days=7)))
    found = lifetimes_of(Divided("tone", tuple(arrived), Payments.of(rows)), NOW, months=6)
    expected = lifetime_value(lives["warm"], lives["plain"], currency="EUR", now=YESTERDAY)
    assert [list(one.ages) for one in found] == [expected]
    assert len(expected) >= 2
