"""Lifetime value: each age has those alone who have reached it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.calendar_days import Months
from sojourn.domain.errors import BadFigures
from sojourn.domain.statistics import AtAge, Interval, Life, TooFewPaid, lifetime_value
from sojourn.domain.statistics.lifetime import months_old

NOW = datetime(2027, 7, 1, tzinfo=UTC)


def at(month: int, day: int = 1) -> datetime:
    return datetime(2027, month, day, tzinfo=UTC)


def paying(entered: datetime, number: int, *amounts: tuple[datetime, float]) -> list[Life]:
    return [Life(entered, amounts) for _ in range(number)]


def points(rows: list[AtAge]) -> list[tuple[float, float]]:
    found = []
    for row in rows:
        assert isinstance(row.treated, Interval)
        assert isinstance(row.held_out, Interval)
        found.append((row.treated.point, row.held_out.point))
    return found


def test_payments_add_up_by_age() -> None:
    ours = paying(at(3), 10, (at(3, 20), 10), (at(4, 20), 5)) + paying(at(3), 10)
    theirs = paying(at(3), 10, (at(3, 20), 10)) + paying(at(3), 10)
    rows = lifetime_value(ours, theirs, currency="EUR", now=NOW)
    assert [row.months for row in rows] == [1, 2, 3, 4], "nobody is five months old"
    assert points(rows) == [(5, 5), (7.5, 5), (7.5, 5), (7.5, 5)]
    assert isinstance(rows[1].difference, Interval)
    assert rows[1].difference.point == 2.5


def test_customers_who_have_not_reached_an_age_do_not_lower_it() -> None:
    old = paying(at(1), 20, (at(1, 2), 10), (at(4, 2), 10))
    young = paying(at(6), 500, (at(6, 2), 10))
    rows = lifetime_value(old + young, old + young, currency="EUR", now=NOW)
    assert points(rows) == [(10, 10)] * 3 + [(20, 20)] * 3
    assert [row.customers for row in rows] == [(520, 520)] + [(20, 20)] * 5


def test_the_first_payment_after_an_age_belongs_to_the_next_one() -> None:
    lives = paying(at(1, 31), 10, (at(2, 28), 7), (at(1, 30), 99))
    rows = lifetime_value(lives, lives, currency="EUR", now=NOW, months=2)
    assert rows[0].treated == TooFewPaid(0), "a month on from 31 January is 28 February"
    assert points(rows[1:]) == [(7, 7)], "what was paid before the entry does not count"


def test_small_amounts_add_up_exactly() -> None:
    lives = [Life(at(1), ((at(1, 2), Decimal("0.10")), (at(1, 3), 0.2))) for _ in range(10)]
    rows = lifetime_value(lives, lives, currency="EUR", now=NOW, months=1)
    assert points(rows) == [(0.3, 0.3)]


def test_an_age_that_one_group_lacks_is_not_told() -> None:
    assert lifetime_value([], paying(at(1), 10), currency="EUR", now=NOW) == []
    with pytest.raises(BadFigures, match="a lifetime of 0 months"):
        lifetime_value([], [], currency="EUR", now=NOW, months=0)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)), st.integers(0, 10**8))
def test_a_month_is_over_on_its_day(naive: datetime, seconds: int) -> None:
    entered = naive.replace(tzinfo=UTC)
    at = entered + timedelta(seconds=seconds)
    age = months_old(entered, at)
    birthdays = [
        datetime.combine(Months(n)(entered.date()), entered.timetz()) for n in (age, age + 1)
    ]
    assert birthdays[0] <= at < birthdays[1]


@given(st.lists(st.integers(0, 180), min_size=10, max_size=30))
def test_a_shop_that_takes_the_same_each_day_shows_no_decline(days: list[int]) -> None:
    """Everybody pays 1 on the 10th day of each of their months, whenever they entered."""
    lives = []
    for day in days:
        entered = NOW - timedelta(days=day)
        begin = (datetime.combine(Months(n)(entered.date()), entered.timetz()) for n in range(7))
        paid = tuple((month + timedelta(days=10), 1.0) for month in begin)
        lives.append(Life(entered, tuple(one for one in paid if one[0] < NOW)))
    rows = lifetime_value(lives, lives, currency="EUR", now=NOW, months=5)
    told = [row.treated.point for row in rows if isinstance(row.treated, Interval)]
    assert all(isclose(point, month) for month, point in enumerate(told, 1))
