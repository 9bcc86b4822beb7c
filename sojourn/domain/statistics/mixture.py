"""The normal mixture: how far an estimate may stray if somebody looks every day.

H. Robbins, "Statistical methods related to the law of the iterated logarithm", Annals of
Mathematical Statistics 41 (1970), as an asymptotic confidence sequence by I. Waudby-Smith,
D. Arbour, R. Sinha, E. H. Kennedy and A. Ramdas, "Time-uniform central limit theory and asymptotic
confidence sequences", Annals of Statistics 52 (2024). The mSPRT of A/B tests is the same boundary.
Such an interval holds the truth at all looks at once, so stopping at any of them is not a mistake.
"""

from math import log, log1p, sqrt

from sojourn.domain.errors import BadFigures
from sojourn.domain.statistics.confidence import check_share

PLANNED = 5_000
"""The customers of all groups at which the intervals are tightest, unless others are planned."""


def errors_reached(customers: int, confidence: float, planned: int = PLANNED) -> float:
    """Return how many standard errors an always-valid interval reaches: 3 at best, for 95 %.

    Args:
        customers: of all groups, so far.
        confidence: how often the truth is held at all looks.
        planned: the customers at which it is to be tightest. It is valid for any number that was
            chosen before the experiment began.

    Returns:
        The distance from the estimate to each bound, in standard errors.

    Raises:
        BadFigures: less than one customer is planned, or the confidence is not a share.
    """
    if planned < 1:
        raise BadFigures(f"{planned} customers planned: give 1 or more")
    doubt = -2 * log(1 - check_share(confidence, "confidence"))
    # the paper's approximation (appendix B) of the mixture that is tightest at `planned`
    weight = (doubt + log1p(doubt)) * customers / planned
    return sqrt((1 + 1 / weight) * (doubt + log1p(weight)))
