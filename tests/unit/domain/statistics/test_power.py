"""Power: sizes and effects are each other's answer."""

from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.errors import BadFigures
from sojourn.domain.statistics import (
    Sizes,
    detectable_mean,
    detectable_rate,
    power_of_means,
    power_of_rates,
    sizes_for_mean,
    sizes_for_rate,
)


def test_a_rise_from_10_to_12_percent_needs_3841_in_each_group() -> None:
    """Fleiss' formula, as published calculators have it."""
    assert sizes_for_rate(0.10, 0.02) == Sizes(3841, 3841)
    assert sizes_for_rate(0.10, 0.02, power=0.9).treated == 5142


def test_a_small_group_that_is_held_out_needs_more_customers_in_all() -> None:
    tenth = sizes_for_rate(0.10, 0.02, held_out=0.1)
    assert isclose(tenth.treated / tenth.held_out, 9, rel_tol=0.01)
    assert tenth.treated + tenth.held_out > 2 * 2 * 3841


def test_4200_a_group_see_a_fifth_more() -> None:
    found = detectable_rate(0.10, Sizes(4200, 4200))
    assert found
    assert isclose(found.lift, 0.191, abs_tol=0.0005)
    assert isclose(found.difference, 0.0191, abs_tol=0.00005)
    assert detectable_rate(0.9, Sizes(10, 10)) is None


def test_money_needs_the_deviation_of_a_customer() -> None:
    assert sizes_for_mean(40, 2) == Sizes(6280, 6280)
    found = detectable_mean(5, 40, Sizes(6280, 6280))
    assert isclose(found.difference, 2, rel_tol=1e-3)
    assert isclose(found.lift, 0.4, rel_tol=1e-3)


@given(st.floats(0.01, 0.5), st.integers(200, 50_000), st.integers(200, 50_000))
def test_the_smallest_rise_that_is_seen_is_seen_as_often_as_asked(
    base: float, treated: int, held_out: int
) -> None:
    sizes = Sizes(treated, held_out)
    found = detectable_rate(base, sizes)
    assert found
    assert isclose(power_of_rates(base, found.difference, sizes), 0.8, abs_tol=1e-6)


@given(st.floats(0.05, 0.5), st.floats(0.01, 0.2), st.floats(0.1, 0.9))
def test_one_customer_fewer_would_not_be_enough(base: float, change: float, part: float) -> None:
    need = sizes_for_rate(base, change, held_out=part)
    assert power_of_rates(base, change, need) >= 0.8
    fewer = Sizes(max(1, need.treated - 2), max(1, need.held_out - 2))
    assert power_of_rates(base, change, fewer) < 0.8
    money = sizes_for_mean(10, change, held_out=part)
    assert power_of_means(10, change, money) >= 0.8


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sizes_for_rate(0.1, 0.0), "a change of 0.0 is never seen"),
        (lambda: sizes_for_rate(0.1, 0.95), "the rate of the treated"),
        (lambda: sizes_for_rate(1.1, 0.1), "the rate of the held out"),
        (lambda: sizes_for_rate(0.1, 0.1, power=1), "power is 1"),
        (lambda: sizes_for_rate(0.1, 0.1, held_out=0), "the part that is held out is 0"),
        (lambda: sizes_for_mean(10, 1e-9), "more customers than there are people"),
        (lambda: sizes_for_mean(0, 1), "deviation is 0"),
        (lambda: detectable_rate(0.1, Sizes(0, 10)), "0 treated and 10 held out"),
    ],
)
def test_an_experiment_that_cannot_be_is_one_clear_error(call: object, words: str) -> None:
    assert callable(call)
    with pytest.raises(BadFigures, match=words):
        call()
