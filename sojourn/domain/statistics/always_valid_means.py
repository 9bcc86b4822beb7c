"""Revenue per customer for those who look every day.

The asymptotic confidence sequence of `mixture`. One thing is added: a group is taken to vary no
less than the amounts of both groups together would. Else a small group that has no big spender yet
would seem poor and certain, and to look each day would find that day.
"""

from math import fsum, sqrt

from sojourn.domain.statistics.confidence import USUAL
from sojourn.domain.statistics.interval import Interval
from sojourn.domain.statistics.means import TooFewPaid, too_few
from sojourn.domain.statistics.mixture import PLANNED, errors_reached
from sojourn.domain.statistics.takings import Takings, check_one_currency


def always_valid_difference_of_means(
    treated: Takings, held_out: Takings, confidence: float = USUAL, *, planned: int = PLANNED
) -> Interval | TooFewPaid:
    """Return how much more a customer of the treated has paid, as an interval for any day.

    Args:
        treated: the takings of those who were to get the messages.
        held_out: those of the others, in the same currency.
        confidence: how often the truth is held at all looks.
        planned: the customers of both groups at which the interval is to be tightest; chosen before
            the experiment began.

    Returns:
        The difference, in money a customer; `TooFewPaid` if too few of a group have paid.
    """
    check_one_currency(treated, held_out)
    far = errors_reached(treated.customers + held_out.customers, confidence, planned)
    for group in (treated, held_out):
        if few := too_few(group):
            return few
    both = (*treated.amounts, *held_out.amounts)
    amount, square = fsum(both) / len(both), fsum(one * one for one in both) / len(both)

    def variance(group: Takings) -> float:
        paid = len(group.amounts) / group.customers
        borrowed = paid * square - (paid * amount) ** 2
        return max(group.variance, borrowed) / group.customers

    point = treated.mean - held_out.mean
    reach = far * sqrt(variance(treated) + variance(held_out))
    return Interval(point - reach, point, point + reach)
