"""Made-up experiments, a few of them: tests/long/test_statistics.py makes thousands."""

from math import comb

from sojourn.domain.statistics import Tally, always_valid_rate, difference, rate
from tests.support.experiments import (
    LOOKS,
    alarms_of_money,
    alarms_of_rates,
    chance,
    coverage_of_differences,
    coverage_of_money,
)


def test_19_of_20_intervals_of_a_rate_hold_the_truth() -> None:
    """All counts there can be, each as often as it comes up: no chance, but steps from one share
    to the next, as counts are whole.
    """
    customers = 300
    found = [rate(Tally(hits, customers)) for hits in range(customers + 1)]
    covered = []
    for percent in range(2, 50, 2):
        share = percent / 100
        likely = (
            comb(customers, k) * share**k * (1 - share) ** (customers - k) for k in range(301)
        )
        covered.append(
            sum(p for p, one in zip(likely, found, strict=True) if not one.excludes(share))
        )
    assert 0.94 <= sum(covered) / len(covered) <= 0.96
    assert min(covered) > 0.93


def test_19_of_20_intervals_of_a_difference_hold_the_truth() -> None:
    assert 0.94 <= coverage_of_differences((0.12, 0.10), (900, 100), 2000) <= 0.96


def test_most_intervals_of_money_hold_the_truth() -> None:
    below, above = coverage_of_money((0.05, 0.05), (1800, 400), 60)
    assert below + above <= 0.1


def test_intervals_for_any_day_seldom_mislead_who_looks_daily_and_others_often_do() -> None:
    assert alarms_of_rates(0.05, (90, 10), 100) <= 0.05
    assert alarms_of_rates(0.05, (90, 10), 100, difference) > 0.15
    assert alarms_of_money(0.05, (45, 5), 20) <= 0.05


def test_an_always_valid_rate_holds_the_truth_on_all_days_at_once() -> None:
    missed = 0
    for hits in chance(15).binomial(20, 0.1, (60, LOOKS)).cumsum(axis=1):
        looks = [always_valid_rate(Tally(int(h), 20 * day)) for day, h in enumerate(hits, 1)]
        assert all(0 <= one.low <= one.point <= one.high <= 1 for one in looks)
        missed += any(one.excludes(0.1) for one in looks)
    assert missed / 60 <= 0.05
    assert always_valid_rate(Tally(0, 5)).low == 0
    assert always_valid_rate(Tally(5, 5)).high == 1
