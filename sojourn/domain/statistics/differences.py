"""The difference of two rates, by Newcombe's hybrid score interval.

R. G. Newcombe, "Interval estimation for the difference between independent proportions: comparison
of eleven methods", Statistics in Medicine 17 (1998), method 10: the Wilson intervals of both rates,
put together (`mover`). It keeps its word for small groups and rare purchases, where the usual
formula does not.
"""

from sojourn.domain.statistics.confidence import USUAL
from sojourn.domain.statistics.interval import Interval
from sojourn.domain.statistics.mover import difference_of
from sojourn.domain.statistics.rates import rate
from sojourn.domain.statistics.tally import Tally


def difference(treated: Tally, held_out: Tally, confidence: float = USUAL) -> Interval:
    """Return how much higher the rate of the treated is, in points of the rate.

    Args:
        treated: those who were to get the messages, whether they got them or not.
        held_out: those who were not.
        confidence: how often such intervals hold the truth.

    Returns:
        The difference: 0.02 for 12 % against 10 %.
    """
    both = difference_of(rate(treated, confidence), rate(held_out, confidence))
    return both.within(-1.0, 1.0)
