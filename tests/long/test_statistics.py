"""Statistics at full size: against scipy and statsmodels, and in thousands of experiments."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.statistics import (
    Sizes,
    Tally,
    difference,
    power_of_means,
    power_of_rates,
    rate,
    sample_ratio,
)
from sojourn.domain.statistics.confidence import student_of
from tests.support.experiments import (
    alarms_of_money,
    alarms_of_rates,
    chance,
    coverage_of_differences,
    coverage_of_money,
)

CONFIDENCES = st.sampled_from([0.8, 0.9, 0.95, 0.99])


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    customers = draw(st.integers(1, 10**6))
    return Tally(draw(st.integers(0, customers)), customers)


# ---- others' programs ----------------------------------------------------------------------


@given(tallies(), tallies(), CONFIDENCES)
def test_rates_and_differences_are_those_of_statsmodels(
    ours: Tally, theirs: Tally, confidence: float
) -> None:
    from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

    one = rate(ours, confidence)
    wilson = proportion_confint(ours.hits, ours.customers, 1 - confidence, method="wilson")
    assert (one.low, one.high) == pytest.approx(wilson, abs=1e-9)
    both = difference(ours, theirs, confidence)
    counts = (ours.hits, ours.customers, theirs.hits, theirs.customers)
    newcombe = confint_proportions_2indep(*counts, method="newcomb", alpha=1 - confidence)
    assert (both.low, both.high) == pytest.approx(newcombe, abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 9)), min_size=2, max_size=6))
def test_the_check_of_the_division_is_that_of_scipy(variants: list[tuple[int, int]]) -> None:
    from scipy import stats

    counts, weights = zip(*variants, strict=True)
    names = [str(n) for n in range(len(counts))]
    found = sample_ratio(
        dict(zip(names, counts, strict=True)), dict(zip(names, map(float, weights), strict=True))
    )
    planned = [sum(counts) * weight / sum(weights) for weight in weights]
    if min(planned) >= 5:
        expected = stats.chisquare(counts, planned).pvalue
    elif len(counts) == 2:
        share = weights[0] / sum(weights)
        expected = stats.binomtest(counts[0], sum(counts), share).pvalue if sum(counts) else 1.0
    else:
        return  # tests/unit counts those out
    assert found.probability == pytest.approx(expected, rel=1e-8, abs=1e-290)


@given(st.floats(0.01, 0.9), st.floats(-0.05, 0.09), st.integers(10, 10**5), st.integers(10, 10**5))
def test_powers_are_those_of_statsmodels(
    base: float, change: float, treated: int, held_out: int
) -> None:
    from statsmodels.stats.power import NormalIndPower
    from statsmodels.stats.proportion import power_proportions_2indep

    if not 0 < base + change < 1 or change == 0:
        return
    ratio = held_out / treated
    expected = power_proportions_2indep(change, base, treated, ratio, return_results=False)
    sizes = Sizes(treated, held_out)
    assert power_of_rates(base, change, sizes) == pytest.approx(expected, abs=1e-6)
    money = NormalIndPower().power(change / 2, treated, 0.05, ratio)
    assert power_of_means(2, change, sizes) == pytest.approx(money, abs=1e-6)


@given(st.integers(9, 10**6), CONFIDENCES)
def test_the_reach_of_students_t_is_that_of_scipy(freedom: int, confidence: float) -> None:
    from scipy import stats

    expected = stats.t.ppf((1 + confidence) / 2, freedom)
    assert student_of(freedom, confidence) == pytest.approx(expected, rel=1e-3)


# ---- experiments ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rates", "sizes"),
    [((0.12, 0.10), (1000, 1000)), ((0.05, 0.05), (4500, 500)), ((0.5, 0.4), (60, 60))],
)
def test_19_of_20_intervals_of_a_difference_hold_the_truth(
    rates: tuple[float, float], sizes: tuple[int, int]
) -> None:
    assert 0.94 <= coverage_of_differences(rates, sizes, 20_000) <= 0.96


@pytest.mark.parametrize(
    ("paying", "sizes"), [((0.05, 0.05), (2000, 2000)), ((0.06, 0.05), (9000, 1000))]
)
def test_19_of_20_intervals_of_money_hold_the_truth(
    paying: tuple[float, float], sizes: tuple[int, int]
) -> None:
    below, above = coverage_of_money(paying, sizes, 2000)
    assert 0.94 <= 1 - below - above <= 0.96
    assert max(below, above) <= 0.04, "misses lie on both sides"


@pytest.mark.parametrize(
    ("share", "a_day"), [(0.05, (50, 50)), (0.01, (450, 50)), (0.05, (90, 10)), (0.9, (90, 10))]
)
def test_who_looks_at_rates_daily_is_misled_once_in_twenty_at_most(
    share: float, a_day: tuple[int, int]
) -> None:
    assert alarms_of_rates(share, a_day, 4000) <= 0.05


@pytest.mark.parametrize(
    ("paying", "a_day"), [(0.05, (50, 50)), (0.05, (450, 50)), (0.3, (90, 10))]
)
def test_who_looks_at_money_daily_is_misled_once_in_twenty_at_most(
    paying: float, a_day: tuple[int, int]
) -> None:
    assert alarms_of_money(paying, a_day, 500) <= 0.05


def test_an_experiment_of_the_planned_size_sees_the_planned_effect_as_often_as_promised() -> None:
    draw, customers, seen = chance(16), 3841, 0
    for ours, theirs in draw.binomial(customers, [0.12, 0.10], (4000, 2)):
        found = difference(Tally(int(ours), customers), Tally(int(theirs), customers))
        seen += found.excludes()
    assert 0.78 <= seen / 4000 <= 0.82
