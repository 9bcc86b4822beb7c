"""The check of the division: it cries when it must, and chance alone does not make it cry."""

from itertools import product
from math import comb, exp, factorial, isclose, prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.errors import BadFigures
from sojourn.domain.statistics import sample_ratio

HALVES = {"treated": 50.0, "held out": 50.0}


def test_a_division_as_planned_is_no_alarm_and_another_is_one() -> None:
    assert not sample_ratio({"treated": 5050, "held out": 4950}, HALVES).broken
    found = sample_ratio({"treated": 5250, "held out": 4750}, HALVES)
    assert found.broken
    assert found.planned == {"treated": 5000, "held out": 5000}
    assert isclose(found.probability, 5.7330e-7, rel_tol=1e-4)
    assert (
        sample_ratio(
            {"treated": 900, "held out": 100}, {"treated": 0.9, "held out": 0.1}
        ).probability
        == 1
    )


@pytest.mark.parametrize(
    ("counts", "probability"),
    [
        ((380, 300, 320), exp(-5.2)),
        ((280, 220, 250, 250), 0.06579),
        ((90, 110, 100, 95, 105), 0.6446),
    ],
)
def test_several_variants_are_judged_together(counts: tuple[int, ...], probability: float) -> None:
    """The chi-squares are 10.4, 7.2 and 2.5, with one degree of freedom less than variants."""
    counted = {str(n): count for n, count in enumerate(counts)}
    found = sample_ratio(counted, dict.fromkeys(counted, 1.0))
    assert isclose(found.probability, probability, rel_tol=2e-3)


def test_a_variant_that_got_nobody_counts() -> None:
    assert sample_ratio({"a": 100, "b": 100}, {"a": 1, "b": 1, "c": 1}).broken
    assert sample_ratio({}, HALVES).probability == 1


def test_the_probability_of_small_numbers_is_counted_out() -> None:
    tails = sum(comb(8, k) for k in (0, 1, 7, 8)) / 2**8
    assert isclose(sample_ratio({"treated": 7, "held out": 1}, HALVES).probability, tails)


@pytest.mark.parametrize("weights", [(1, 1, 1), (8, 1, 1)])
def test_small_numbers_of_several_variants_alarm_no_more_often_than_they_say(
    weights: tuple[float, ...],
) -> None:
    shares = [weight / sum(weights) for weight in weights]
    names, customers = "abc", 12
    for level in (0.001, 0.01, 0.05):
        alarms = 0.0
        for a, b in product(range(customers + 1), repeat=2):
            counts = (a, b, customers - a - b)
            if counts[2] < 0:
                continue
            ways = factorial(customers) / prod(map(factorial, counts))
            found = sample_ratio(
                dict(zip(names, counts, strict=True)), dict(zip(names, weights, strict=True))
            )
            if found.probability <= level:
                alarms += ways * prod(s**n for s, n in zip(shares, counts, strict=True))
        assert alarms <= level


@pytest.mark.parametrize(
    ("counted", "weights", "words"),
    [
        ({"a": 1}, {"a": 1.0}, "two variants or more"),
        ({"a": 1}, {"a": 1.0, "b": 0.0}, "weight of 'b' is 0"),
        ({"a": 1}, {"a": 1.0, "b": float("inf")}, "weight of 'b' is inf"),
        ({"c": 1}, {"a": 1.0, "b": 1.0}, "'c' has customers, and no planned weight"),
        ({"a": -1}, {"a": 1.0, "b": 1.0}, "'a' has -1 customers"),
    ],
)
def test_a_division_that_cannot_be_is_one_clear_error(
    counted: dict[str, int], weights: dict[str, float], words: str
) -> None:
    with pytest.raises(BadFigures, match=words):
        sample_ratio(counted, weights)


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 20)), min_size=2, max_size=5))
def test_any_division_has_a_probability_whatever_the_order_of_variants(
    variants: list[tuple[int, int]],
) -> None:
    counted = {str(n): count for n, (count, _) in enumerate(variants)}
    weights = {str(n): float(weight) for n, (_, weight) in enumerate(variants)}
    found = sample_ratio(counted, weights).probability
    other = sample_ratio(dict(reversed(counted.items())), dict(reversed(weights.items())))
    assert 0 <= found <= 1
    assert isclose(found, other.probability, rel_tol=1e-9, abs_tol=1e-300)
