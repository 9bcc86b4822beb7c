"""Power: which effect an experiment of a size would see, and which size an effect needs.

For rates, the usual comparison of two shares: pooled variance if there is no effect, unpooled if
there is one (J. L. Fleiss, B. Levin, M. C. Paik, "Statistical Methods for Rates and Proportions",
2003, chapter 4). For means, the normal approximation. Both are two-sided.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, inf, isfinite, sqrt

from sojourn.domain.errors import BadFigures
from sojourn.domain.statistics.confidence import NORMAL, USUAL, check_share, z_of

WANTED = 0.8
"""The power that is asked for, unless another is: an effect is seen four times out of five."""
_LARGEST = 10**12
_HALVINGS = 60


@dataclass(frozen=True)
class Sizes:
    """The customers of both groups."""

    treated: int
    held_out: int


@dataclass(frozen=True)
class Detectable:
    """The smallest rise that an experiment of a size would see.

    Args:
        difference: in points of the rate, or in money a customer.
        lift: as a part of what the held out do.
    """

    difference: float
    lift: float


def power_of_rates(base: float, change: float, sizes: Sizes, confidence: float = USUAL) -> float:
    """Return how often an experiment would see a change of a rate.

    Args:
        base: the rate of the held out.
        change: in points of the rate, up or down.
        sizes: of both groups.
        confidence: of the interval that is to exclude 0.

    Returns:
        The power, 0 to 1.
    """
    _check_sizes(sizes)
    other = check_share(base, "the rate of the held out") + change
    check_share(other, "the rate of the treated")
    pooled = (sizes.treated * other + sizes.held_out * base) / (sizes.treated + sizes.held_out)
    without = sqrt(pooled * (1 - pooled) * (1 / sizes.treated + 1 / sizes.held_out))
    with_it = sqrt(other * (1 - other) / sizes.treated + base * (1 - base) / sizes.held_out)
    return _beyond(change, z_of(confidence) * without, with_it)


def power_of_means(
    deviation: float, change: float, sizes: Sizes, confidence: float = USUAL
) -> float:
    """Return how often an experiment would see a change of a mean.

    Args:
        deviation: the standard deviation of a customer's value, the same in both groups.
        change: of the mean, up or down.
        sizes: of both groups.
        confidence: of the interval that is to exclude 0.

    Returns:
        The power, 0 to 1.
    """
    _check_sizes(sizes)
    error = _check_above_0(deviation, "deviation") * sqrt(1 / sizes.treated + 1 / sizes.held_out)
    return _beyond(change, z_of(confidence) * error, error)


def detectable_rate(
    base: float, sizes: Sizes, *, confidence: float = USUAL, power: float = WANTED
) -> Detectable | None:
    """Return the smallest rise of a rate that an experiment would see.

    Args:
        base: the rate of the held out.
        sizes: of both groups.
        confidence: of the interval that is to exclude 0.
        power: how often the rise is to be seen.

    Returns:
        The rise; None if even all customers would be too few of them.
    """
    wanted = check_share(power, "power")
    most = (1 - check_share(base, "the rate of the held out")) * (1 - 1e-12)
    if power_of_rates(base, most, sizes, confidence) < wanted:
        return None
    rise = _least(lambda d: power_of_rates(base, d, sizes, confidence) >= wanted, most)
    return Detectable(rise, rise / base)


def detectable_mean(
    mean: float,
    deviation: float,
    sizes: Sizes,
    *,
    confidence: float = USUAL,
    power: float = WANTED,
) -> Detectable:
    """Return the smallest rise of a mean that an experiment would see.

    Args:
        mean: of the held out, such as the revenue per customer.
        deviation: the standard deviation of a customer's value.
        sizes: of both groups.
        confidence: of the interval that is to exclude 0.
        power: how often the rise is to be seen.

    Returns:
        The rise.
    """
    _check_above_0(mean, "mean")
    wanted = check_share(power, "power")
    error = _check_above_0(deviation, "deviation") * sqrt(1 / sizes.treated + 1 / sizes.held_out)
    most = error * (z_of(confidence) + abs(NORMAL.inv_cdf(wanted)) + 1)
    rise = _least(lambda d: power_of_means(deviation, d, sizes, confidence) >= wanted, most)
    return Detectable(rise, rise / mean)


def sizes_for_rate(
    base: float,
    change: float,
    *,
    held_out: float = 0.5,
    confidence: float = USUAL,
    power: float = WANTED,
) -> Sizes:
    """Return the customers that a change of a rate needs.

    Args:
        base: the rate of the held out.
        change: in points of the rate, up or down.
        held_out: the part of all customers that is held out.
        confidence: of the interval that is to exclude 0.
        power: how often the change is to be seen.

    Returns:
        The smallest groups that see it.
    """
    wanted = check_share(power, "power")
    return _smallest(
        lambda sizes: power_of_rates(base, change, sizes, confidence) >= wanted, held_out, change
    )


def sizes_for_mean(
    deviation: float,
    change: float,
    *,
    held_out: float = 0.5,
    confidence: float = USUAL,
    power: float = WANTED,
) -> Sizes:
    """Return the customers that a change of a mean needs.

    Args:
        deviation: the standard deviation of a customer's value.
        change: of the mean, up or down.
        held_out: the part of all customers that is held out.
        confidence: of the interval that is to exclude 0.
        power: how often the change is to be seen.

    Returns:
        The smallest groups that see it.
    """
    wanted = check_share(power, "power")
    return _smallest(
        lambda sizes: power_of_means(deviation, change, sizes, confidence) >= wanted,
        held_out,
        change,
    )


def _beyond(change: float, line: float, error: float) -> float:
    """Return how often an estimate around a change lies beyond a line, on either side."""
    return NORMAL.cdf((change - line) / error) + NORMAL.cdf((-change - line) / error)


def _least(enough: Callable[[float], bool], most: float) -> float:
    """Return the least value that is enough; the greatest one is."""
    low, high = 0.0, most
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _smallest(enough: Callable[[Sizes], bool], held_out: float, change: float) -> Sizes:
    """Return the least sizes that are enough, divided as planned."""
    check_share(held_out, "the part that is held out")
    if not (isfinite(change) and change):
        raise BadFigures(f"a change of {change} is never seen: give another one")

    def divided(everybody: int) -> Sizes:
        return Sizes(ceil(everybody * (1 - held_out)), ceil(everybody * held_out))

    low, high = 1, 2
    while not enough(divided(high)):
        low, high = high, high * 2
        if high > _LARGEST:
            raise BadFigures(f"a change of {change} needs more customers than there are people")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(divided(middle)) else (middle, high)
    return divided(high)


def _check_sizes(sizes: Sizes) -> None:
    if min(sizes.treated, sizes.held_out) < 1:
        raise BadFigures(
            f"{sizes.treated} treated and {sizes.held_out} held out: give 1 or more in each group"
        )


def _check_above_0(value: float, name: str) -> float:
    if not 0 < value < inf:
        raise BadFigures(f"{name} is {value}: give a number above 0")
    return value
