"""Did chance divide the customers as planned?

If half of the customers were to be held out and 40 % are, the groups differ by more than messages:
somebody dropped out of one group, or was counted twice. No figure of the experiment can be trusted
then. Pearson's chi-square tells it, and where a group is small the exact binomial of each group, at
the level that A. Fabijan and others advise ("Diagnosing sample ratio mismatch in online controlled
experiments", KDD 2019).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import erfc, exp, fsum, isfinite, lgamma, log, log1p, sqrt

from sojourn.domain.errors import BadFigures

ALARM = 0.001
"""Below this probability a division is taken for broken: rare enough to be looked at daily."""
_SMALL = 5
"""The customers that a group is to have, below which the chi-square is no good approximation."""
_ALIKE = 1 + 1e-7
"""Probabilities that differ by less are the same: rounding has parted them."""


@dataclass(frozen=True)
class SampleRatio:
    """The customers as they were divided, against the plan.

    Args:
        probability: how often chance alone divides them at least as unevenly.
        planned: the customers that each variant would have by its weight.
    """

    probability: float
    planned: Mapping[str, float]

    @property
    def broken(self) -> bool:
        """True if something other than chance divided them: until it is found, trust no figure."""
        return self.probability < ALARM


def sample_ratio(counted: Mapping[str, int], weights: Mapping[str, float]) -> SampleRatio:
    """Compare the customers of each variant with the planned weights.

    Args:
        counted: the customers of each variant; one that is missing has none.
        weights: of each variant, in any unit: 50 and 50, or 0.9 and 0.1.

    Returns:
        The probability, and what was planned. Before the first customer nothing is uneven.

    Raises:
        BadFigures: there are fewer than two variants, or a count or weight that cannot be.
    """
    _check(counted, weights)
    everybody, whole = sum(counted.values()), fsum(weights.values())
    shares = {name: weight / whole for name, weight in weights.items()}
    planned = {name: everybody * share for name, share in shares.items()}
    if min(planned.values()) < _SMALL:
        rarest = min(_binomial(counted.get(v, 0), everybody, share) for v, share in shares.items())
        looks = len(shares) if len(shares) > 2 else 1  # two variants are one question
        return SampleRatio(min(1.0, looks * rarest), planned)
    distance = fsum((counted.get(v, 0) - due) ** 2 / due for v, due in planned.items())
    return SampleRatio(chi_square_beyond(distance, len(weights) - 1), planned)


def _check(counted: Mapping[str, int], weights: Mapping[str, float]) -> None:
    if len(weights) < 2:
        raise BadFigures("a sample ratio needs the planned weights of two variants or more")
    for name, weight in weights.items():
        if not (isfinite(weight) and weight > 0):
            raise BadFigures(f"the weight of {name!r} is {weight}: give a number above 0")
    for name, count in counted.items():
        if name not in weights:
            raise BadFigures(f"{name!r} has customers, and no planned weight: name its weight")
        if count < 0:
            raise BadFigures(f"{name!r} has {count} customers: give 0 or more")


def chi_square_beyond(distance: float, freedom: int) -> float:
    """Return the probability that a chi-square variable lies beyond a distance.

    Args:
        distance: the statistic, 0 or more.
        freedom: its degrees of freedom, 1 or more.

    Returns:
        The probability, exact except for rounding: half of a whole number has a finite sum.
    """
    half = distance / 2
    if half == 0:
        return 1.0
    first, order = (erfc(sqrt(half)), 0.5) if freedom % 2 else (exp(-half), 1.0)
    orders = (order + step for step in range((freedom - 1) // 2))
    return min(1.0, first + fsum(exp(a * log(half) - half - lgamma(a + 1)) for a in orders))


def _binomial(hits: int, customers: int, share: float) -> float:
    """Return the probability of all counts that are no likelier than this one (exact, two-sided).

    Args:
        hits: the customers of the variant.
        customers: of all variants.
        share: the planned one.
    """

    def likely(count: int) -> float:
        ways = lgamma(customers + 1) - lgamma(count + 1) - lgamma(customers - count + 1)
        return exp(ways + count * log(share) + (customers - count) * log1p(-share))

    here = likely(hits) * _ALIKE
    return min(1.0, fsum(one for c in range(customers + 1) if (one := likely(c)) <= here))
