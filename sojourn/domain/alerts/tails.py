"""Tails: how rare a count is, by those of the weeks before.

Counts are taken as Poisson's with a rate that nobody knows: the weeks before say something about
it, and the fewer they are, the less. That makes the next count negative-binomial. Days differ by
more than that, as sales, rain and football make them: all counts are divided by how much the weeks
before differ among themselves, and by what a sixth more or less makes at the least (quasi-Poisson),
so that a lively shop is not taken for a broken one.
"""

from collections.abc import Sequence
from math import exp, floor, lgamma, log
from statistics import mean, variance

RARE = 1e-6
"""A count that is rarer than this is an alert: hourly looks at one thing through three windows find
such a count once in 38 years, if nothing but chance is at work."""
_UNSURE = 0.5
"""Jeffreys' prior of a Poisson rate: what is known before the first week."""
LIVELY = 0.15
"""The part by which days differ, however calm a few weeks look."""


def low(seen: int, before: Sequence[int]) -> float:
    """Return the chance of so small a count, or a smaller one.

    Args:
        seen: the count.
        before: those of the weeks before.

    Returns:
        From 0 to 1.
    """
    size, share, scale = _law(before)
    return min(sum(_chance(n, size, share) for n in range(floor(seen / scale) + 1)), 1.0)


def high(seen: int, before: Sequence[int]) -> float:
    """Return the chance of so large a count, or a larger one.

    Args:
        seen: the count.
        before: those of the weeks before.

    Returns:
        From 0 to 1, to within the rounding of numbers.
    """
    size, share, scale = _law(before)
    below = floor(seen / scale)
    return max(1.0 - sum(_chance(n, size, share) for n in range(below)), 0.0)


def _law(before: Sequence[int]) -> tuple[float, float, float]:
    """Return size and share of the negative binomial law, and by how much counts are divided."""
    middle = mean(before)
    spread = variance(before) / middle if middle and len(before) > 1 else 1.0
    scale = max(spread, 1.0 + LIVELY**2 * middle)
    return sum(before) / scale + _UNSURE, len(before) / (len(before) + 1), scale


def _chance(n: int, size: float, share: float) -> float:
    ways = lgamma(n + size) - lgamma(size) - lgamma(n + 1)
    return exp(ways + size * log(share) + n * log(1 - share))
