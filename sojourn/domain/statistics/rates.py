"""A rate and its interval, by Wilson's score.

E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the
American Statistical Association 22 (1927). Unlike the usual ``p ± 1.96 standard errors`` it stays
between 0 and 1, and says something of use about 0 of 20.
"""

from math import sqrt

from sojourn.domain.statistics.confidence import USUAL, z_of
from sojourn.domain.statistics.interval import Interval
from sojourn.domain.statistics.tally import Tally


def rate(tally: Tally, confidence: float = USUAL) -> Interval:
    """Return the rate of a tally with its Wilson interval."""
    return score(tally, z_of(confidence))


def score(tally: Tally, errors: float) -> Interval:
    """Return the rate of a tally with the interval that reaches so many standard errors."""
    z2 = errors**2
    customers, share = tally.customers, tally.rate
    centre = (tally.hits + z2 / 2) / (customers + z2)
    reach = sqrt(z2 * (tally.hits * (1 - share) + z2 / 4)) / (customers + z2)
    # for none and for all one bound is the rate itself, which rounding would miss by a hair
    low = 0.0 if tally.hits == 0 else min(centre - reach, share)
    high = 1.0 if tally.hits == customers else max(centre + reach, share)
    return Interval(low, share, high).within(0.0, 1.0)
