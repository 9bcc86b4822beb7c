"""Revenue per customer: most pay nothing, a few pay a lot, and the same rows give the same page."""

import random
import subprocess
import sys
from decimal import Decimal
from math import inf, isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.errors import BadFigures
from sojourn.domain.statistics import (
    Interval,
    Takings,
    TooFewPaid,
    always_valid_difference_of_means,
    difference_of_means,
    lift_of_means,
    mean,
    takings,
)
from tests.support.experiments import chance, group

A = group(chance(1), 9000, 0.06)
B = group(chance(2), 1000, 0.05)


def found(interval: Interval | TooFewPaid | None) -> Interval:
    assert isinstance(interval, Interval)
    return interval


@st.composite
def groups(draw: st.DrawFn) -> Takings:
    amounts = draw(st.lists(st.floats(0.01, 10_000), min_size=10, max_size=40))
    return takings("EUR", len(amounts) + draw(st.integers(0, 300)), amounts)


def test_the_mean_counts_those_who_paid_nothing() -> None:
    ten = takings("EUR", 100, [Decimal("12.50")] * 10)
    assert found(mean(ten)).point == 1.25
    plain = [*ten.amounts, *[0.0] * 90]
    assert isclose(ten.variance, sum((x - 1.25) ** 2 for x in plain) / 99)


def test_the_same_rows_give_the_same_interval_in_any_order() -> None:
    amounts = list(A.amounts)
    random.Random(3).shuffle(amounts)
    assert difference_of_means(takings("EUR", 9000, amounts), B) == difference_of_means(A, B)
    assert takings("EUR", 9000, amounts) == A
    shuffled = Takings("EUR", 9000, tuple(amounts))
    assert isclose(found(mean(shuffled)).high, found(mean(A)).high)


def test_money_of_two_currencies_is_never_compared() -> None:
    zloty = Takings("PLN", B.customers, B.amounts)
    for figure in (difference_of_means, lift_of_means, always_valid_difference_of_means):
        with pytest.raises(BadFigures, match="EUR is not comparable with PLN"):
            figure(A, zloty)


def test_too_few_who_paid_give_no_interval() -> None:
    few = takings("EUR", 1000, [10.0] * 3)
    for figure in (difference_of_means, lift_of_means, always_valid_difference_of_means):
        assert figure(A, few) == figure(few, A) == TooFewPaid(3)
    assert str(TooFewPaid(3)) == "too few have paid: 3 of 10 needed"
    assert isinstance(mean(takings("EUR", 1000, [10.0] * 10)), Interval)


@pytest.mark.parametrize(
    ("currency", "customers", "amounts", "words"),
    [
        ("", 1, [], "currency"),
        ("EUR", 0, [], "0 customers"),
        ("EUR", 1, [1, 2], "2 amounts of 1 customers"),
        ("EUR", 1, [float("nan")], "EUR is not a finite number"),
    ],
)
def test_takings_that_cannot_be_are_one_clear_error(
    currency: str, customers: int, amounts: list[float], words: str
) -> None:
    with pytest.raises(BadFigures, match=words):
        takings(currency, customers, amounts)


def test_an_interval_for_any_day_reaches_three_standard_errors_at_best() -> None:
    error = (A.variance / A.customers + B.variance / B.customers) ** 0.5
    daily = found(always_valid_difference_of_means(A, B))
    assert 3 * error < daily.high - daily.point < 4 * error


def test_a_small_group_without_a_big_spender_is_not_taken_to_be_certain() -> None:
    alike = takings("EUR", 200, [5.0] * 10)
    error = (A.variance / A.customers + alike.variance / alike.customers) ** 0.5
    daily = found(always_valid_difference_of_means(A, alike))
    assert daily.high - daily.point > 10 * error


def test_a_long_tail_reaches_further_up_than_down() -> None:
    one = found(mean(B))
    assert one.high - one.point > 1.1 * (one.point - one.low)


def test_many_who_paid_are_bundled_and_give_the_interval_of_the_usual_formula() -> None:
    many = group(chance(5), 20_000, 0.9)
    one, error = found(mean(many)), (many.variance / many.customers) ** 0.5
    assert isclose(one.high - one.point, 1.96 * error, rel_tol=0.12)
    assert isclose(one.point - one.low, 1.96 * error, rel_tol=0.12)


def test_everybody_who_paid_the_same_leaves_no_doubt() -> None:
    same = takings("EUR", 20, [9.99] * 20)
    assert found(mean(same)) == Interval(9.99, 9.99, 9.99)
    nearly = found(mean(takings("EUR", 20, [9.99] * 19 + [100.0])))
    assert nearly.low <= nearly.point <= nearly.high


def test_a_lift_of_money_is_a_part_of_what_the_held_out_pay() -> None:
    part, points = found(lift_of_means(A, B)), found(difference_of_means(A, B))
    assert isclose(part.point, points.point / B.mean)
    assert part.excludes() == points.excludes()
    refunds = takings("EUR", 100, [-5.0] * 20)
    assert lift_of_means(A, refunds) is None
    doubtful = takings("EUR", 100, [50.0] * 6 + [-40.0] * 6)
    assert found(lift_of_means(A, doubtful)).high == inf


@given(groups(), groups())
def test_any_difference_of_money_is_the_same_from_the_other_side(
    ours: Takings, theirs: Takings
) -> None:
    for figure in (difference_of_means, always_valid_difference_of_means):
        one, other = found(figure(ours, theirs)), found(figure(theirs, ours))
        assert one.low <= one.point <= one.high
        assert (one.low, one.point, one.high) == (-other.high, -other.point, -other.low)


def test_importing_sojourn_loads_no_heavy_library() -> None:
    code = "import sys, sojourn, sojourn.domain.statistics; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
