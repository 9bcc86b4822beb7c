"""Made-up experiments: how often do the intervals contain the truth, and how often do they raise a
false alarm?

The truth is known here. Everything is seeded, so a test always passes or always fails.
"""

from math import exp
from typing import Any

import numpy as np

from sojourn.domain.statistics import (
    Interval,
    Takings,
    Tally,
    always_valid_difference,
    always_valid_difference_of_means,
    difference,
    difference_of_means,
    takings,
)

LOOKS = 30
LOG_MEAN, LOG_SPREAD = 3.0, 1.0
"""The amounts of those who pay have a median of 20, and one in forty pays more than 140."""


def chance(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def true_mean(paying: float) -> float:
    return paying * exp(LOG_MEAN + LOG_SPREAD**2 / 2)


def group(draw: np.random.Generator, customers: int, paying: float) -> Takings:
    paid = draw.binomial(customers, paying)
    return takings("EUR", customers, draw.lognormal(LOG_MEAN, LOG_SPREAD, paid))


def coverage_of_differences(
    rates: tuple[float, float], sizes: tuple[int, int], experiments: int
) -> float:
    draw, truth = chance(11), rates[0] - rates[1]
    hits = [draw.binomial(n, p, experiments) for n, p in zip(sizes, rates, strict=True)]
    held = 0
    for ours, theirs in zip(*hits, strict=True):
        found = difference(Tally(int(ours), sizes[0]), Tally(int(theirs), sizes[1]))
        held += not found.excludes(truth)
    return held / experiments


def coverage_of_money(
    paying: tuple[float, float], sizes: tuple[int, int], experiments: int
) -> tuple[float, float]:
    """Return how often the truth lay below the interval, and how often above."""
    draw, truth = chance(12), true_mean(paying[0]) - true_mean(paying[1])
    below = above = 0
    for _ in range(experiments):
        found = difference_of_means(
            group(draw, sizes[0], paying[0]), group(draw, sizes[1], paying[1])
        )
        assert isinstance(found, Interval)
        below += truth < found.low
        above += truth > found.high
    return below / experiments, above / experiments


def alarms_of_rates(
    rate: float, a_day: tuple[int, int], experiments: int, figure: Any = always_valid_difference
) -> float:
    """Return how many of the experiments without an effect are taken for one on any of 30 days."""
    draw, found = chance(13), 0
    hits = [draw.binomial(n, rate, (experiments, LOOKS)).cumsum(axis=1) for n in a_day]
    for ours, theirs in zip(*hits, strict=True):
        found += any(
            figure(Tally(int(x), a_day[0] * day), Tally(int(y), a_day[1] * day)).excludes()
            for day, (x, y) in enumerate(zip(ours, theirs, strict=True), 1)
        )
    return found / experiments


def alarms_of_money(
    paying: float,
    a_day: tuple[int, int],
    experiments: int,
    figure: Any = always_valid_difference_of_means,
) -> float:
    """Return the same for money; a day too early for an interval raises no alarm."""
    draw, found = chance(14), 0
    for _ in range(experiments):
        paid: tuple[list[float], list[float]] = ([], [])
        for day in range(1, LOOKS + 1):
            for amounts, new in zip(paid, a_day, strict=True):
                amounts.extend(group(draw, new, paying).amounts)
            both = (takings("EUR", n * day, one) for n, one in zip(a_day, paid, strict=True))
            seen = figure(*both)
            if isinstance(seen, Interval) and seen.excludes():
                found += 1
                break
    return found / experiments
