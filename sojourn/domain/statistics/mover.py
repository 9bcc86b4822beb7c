"""MOVER: the intervals of two independent figures, put together for their difference or ratio.

"Method of variance estimates recovery": G. Y. Zou and A. Donner, "Construction of confidence limits
about effect measures", Statistics in Medicine 27 (2008), and for ratios A. Donner and G. Y. Zou,
"Closed-form confidence intervals for functions of the normal mean and standard deviation",
Statistical Methods in Medical Research 21 (2012). Each bound takes from each figure the side that
matters to it, so that lopsided intervals stay honest. A ratio is certain to be above 1 exactly when
the difference is certain to be above 0.
"""

from math import hypot, inf, sqrt

from sojourn.domain.statistics.interval import Interval


def difference_of(ours: Interval, theirs: Interval) -> Interval:
    """Return how much higher one figure is than another."""
    point = ours.point - theirs.point
    low = point - hypot(ours.point - ours.low, theirs.high - theirs.point)
    high = point + hypot(ours.high - ours.point, theirs.point - theirs.low)
    return Interval(low, point, high)


def ratio_of(ours: Interval, theirs: Interval) -> Interval:
    """Return the ratio of two figures, of which neither can be below 0.

    Args:
        ours: the figure above the line.
        theirs: the one below it, whose point is above 0.

    Returns:
        The ratio. Its upper bound is infinite if the figure below the line may be 0.
    """
    ours, theirs = ours.within(0.0, inf), theirs.within(0.0, inf)
    point = ours.point / theirs.point
    if inf in (ours.high, theirs.high) or theirs.low == 0:
        return Interval(_lower(ours, theirs), point, inf)
    return Interval(_lower(ours, theirs), point, _upper(ours, theirs))


def _lower(ours: Interval, theirs: Interval) -> float:
    if theirs.high == inf:
        return 0.0
    # the root that has no division by nearly 0
    product = ours.point * theirs.point
    bend = _bend(ours.low, ours.point)
    bottom = product + _root(product * product - bend * _bend(theirs.high, theirs.point))
    return min(bend / bottom, ours.point / theirs.point) if bottom else 0.0


def _upper(ours: Interval, theirs: Interval) -> float:
    product = ours.point * theirs.point
    bend = _bend(theirs.low, theirs.point)
    top = product + _root(product * product - bend * _bend(ours.high, ours.point))
    return max(top / bend, ours.point / theirs.point)


def _bend(bound: float, point: float) -> float:
    return bound * (2 * point - bound)


def _root(square: float) -> float:
    return sqrt(max(square, 0.0))  # rounding may have left it a hair below 0
