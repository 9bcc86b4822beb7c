"""Rates, their differences and their lift: published values, and what holds for any counts."""

from math import hypot, isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.errors import BadFigures
from sojourn.domain.statistics import (
    Interval,
    Tally,
    always_valid_difference,
    difference,
    lift,
    rate,
)


@st.composite
def tallies(draw: st.DrawFn, most: int = 5000) -> Tally:
    customers = draw(st.integers(1, most))
    return Tally(draw(st.integers(0, customers)), customers)


def rounded(interval: Interval | None, digits: int = 4) -> tuple[float, float]:
    assert interval
    return round(interval.low, digits), round(interval.high, digits)


@pytest.mark.parametrize(
    ("hits", "customers", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_a_rate_has_the_interval_that_newcombe_published(
    hits: int, customers: int, low: float, high: float
) -> None:
    """His "Two-sided confidence intervals for the single proportion", 1998, table I, method 3."""
    assert rounded(rate(Tally(hits, customers))) == (low, high)


@pytest.mark.parametrize(
    ("treated", "held_out", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_a_difference_has_the_interval_that_newcombe_published(
    treated: tuple[int, int], held_out: tuple[int, int], low: float, high: float
) -> None:
    """His comparison of eleven methods, 1998, table II, method 10."""
    assert rounded(difference(Tally(*treated), Tally(*held_out))) == (low, high)


def test_a_lift_is_a_part_of_what_the_held_out_do() -> None:
    found = lift(Tally(504, 4200), Tally(420, 4200))
    assert found
    assert isclose(found.point, 0.2)
    assert 0 < found.low < 0.2 < found.high
    assert lift(Tally(5, 50), Tally(0, 50)) is None
    nobody = lift(Tally(0, 10), Tally(3, 10))
    assert nobody
    assert (nobody.low, nobody.point) == (-1.0, -1.0)


@pytest.mark.parametrize(
    ("hits", "customers", "words"),
    [(5, 4, "5 of 4"), (-1, 4, "-1 of 4"), (0, 0, "0 customers"), (0, -3, "-3 customers")],
)
def test_counts_that_cannot_be_are_one_clear_error(hits: int, customers: int, words: str) -> None:
    with pytest.raises(BadFigures, match=words):
        Tally(hits, customers)


@pytest.mark.parametrize("confidence", [0, 1, 95, -0.1])
def test_a_confidence_is_a_share(confidence: float) -> None:
    with pytest.raises(BadFigures, match=r"confidence is .*: give a number between 0 and 1"):
        rate(Tally(1, 2), confidence)


@given(tallies(), st.floats(0.5, 0.999))
def test_the_interval_of_any_rate_is_possible_and_holds_the_rate(
    tally: Tally, confidence: float
) -> None:
    found = rate(tally, confidence)
    assert 0 <= found.low <= found.point <= found.high <= 1
    assert found.low < found.high


@given(tallies(), tallies())
def test_the_interval_of_any_difference_is_possible_and_the_same_from_the_other_side(
    ours: Tally, theirs: Tally
) -> None:
    found, seen = difference(ours, theirs), difference(theirs, ours)
    assert -1 <= found.low <= found.point <= found.high <= 1
    assert (found.low, found.point, found.high) == (-seen.high, -seen.point, -seen.low)


@given(tallies(), tallies(), st.integers(2, 10))
def test_more_customers_of_the_same_rates_give_a_shorter_interval(
    ours: Tally, theirs: Tally, times: int
) -> None:
    more, others = (Tally(one.hits * times, one.customers * times) for one in (ours, theirs))
    short, long = difference(more, others), difference(ours, theirs)
    assert short.high - short.low < long.high - long.low


@given(tallies(), tallies())
def test_a_lift_is_certain_exactly_when_the_difference_is(ours: Tally, theirs: Tally) -> None:
    found, part = difference(ours, theirs), lift(ours, theirs)
    if part is None:
        assert theirs.hits == 0
        return
    assert -1 <= part.low <= part.point <= part.high
    near = min(abs(found.low), abs(found.high)) < 1e-9  # where rounding decides
    assert near or found.excludes() == part.excludes()


@given(tallies(), tallies())
def test_ratios_of_exchanged_groups_are_each_others_inverse(ours: Tally, theirs: Tally) -> None:
    one, other = lift(ours, theirs), lift(theirs, ours)
    if one and other:
        assert isclose((1 + one.low) * (1 + other.high), 1, rel_tol=1e-6)
        assert isclose((1 + one.point) * (1 + other.point), 1, rel_tol=1e-6)


@given(tallies(), tallies())
def test_an_interval_for_any_day_holds_that_of_one_look(ours: Tally, theirs: Tally) -> None:
    once, daily = difference(ours, theirs), always_valid_difference(ours, theirs)
    assert daily.low <= once.low
    assert once.high <= daily.high


def test_the_interval_of_a_difference_is_put_together_from_those_of_the_rates() -> None:
    ours, theirs = rate(Tally(56, 70)), rate(Tally(48, 80))
    found = difference(Tally(56, 70), Tally(48, 80))
    low = found.point - hypot(ours.point - ours.low, theirs.high - theirs.point)
    assert isclose(found.low, low)
