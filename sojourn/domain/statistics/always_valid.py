"""Rates for those who look every day: intervals that hold the truth at all looks at once.

A rate is exact: the beta-binomial mixture of H. Robbins (1970), as S. R. Howard, A. Ramdas,
J. McAuliffe and J. Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences",
Annals of Statistics 49 (2021) have it. A difference is Newcombe's, with the reach of `mixture` in
the place of the 1.96 that one look needs.
"""

from collections.abc import Callable
from math import lgamma, log, log1p

from sojourn.domain.statistics.confidence import USUAL, check_share
from sojourn.domain.statistics.interval import Interval
from sojourn.domain.statistics.mixture import PLANNED, errors_reached
from sojourn.domain.statistics.mover import difference_of
from sojourn.domain.statistics.rates import score
from sojourn.domain.statistics.tally import Tally

_HALVINGS = 60
"""Steps of a bisection: more than a float can tell apart."""


def always_valid_rate(tally: Tally, confidence: float = USUAL) -> Interval:
    """Return the rate of a tally, with an interval that may be looked at any day."""
    misses = tally.customers - tally.hits
    most = -log(1 - check_share(confidence, "confidence"))
    evidence = _log_beta(tally.hits + 0.5, misses + 0.5) - _log_beta(0.5, 0.5)

    def doubted(share: float) -> bool:
        likelihood = tally.hits * log(share) if tally.hits else 0.0
        likelihood += misses * log1p(-share) if misses else 0.0
        return evidence - likelihood > most

    point = tally.rate
    low = _edge(doubted, 0.0, point) if tally.hits else 0.0
    high = _edge(doubted, 1.0, point) if misses else 1.0
    return Interval(low, point, high)


def always_valid_difference(
    treated: Tally, held_out: Tally, confidence: float = USUAL, *, planned: int = PLANNED
) -> Interval:
    """Return how much higher the rate of the treated is, as an interval for any day.

    Args:
        treated: those who were to get the messages, whether they got them or not.
        held_out: those who were not.
        confidence: how often the truth is held at all looks.
        planned: the customers of both groups at which the interval is to be tightest; chosen before
            the experiment began.

    Returns:
        The difference: 0.02 for 12 % against 10 %.
    """
    far = errors_reached(treated.customers + held_out.customers, confidence, planned)
    return difference_of(score(treated, far), score(held_out, far)).within(-1.0, 1.0)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def _edge(doubted: Callable[[float], bool], outside: float, inside: float) -> float:
    """Return the outermost share that is not doubted, between one that is and one that is not."""
    for _ in range(_HALVINGS):
        middle = (outside + inside) / 2
        if doubted(middle):
            outside = middle
        else:
            inside = middle
    return inside
