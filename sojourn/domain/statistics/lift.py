"""Relative lift: the part by which a figure of the treated is higher than that of the held out.

For rates, the Wilson intervals of both, put together for a ratio (MOVER-R, see `mover`). Of the
known methods it is the one that never contradicts `differences.difference`: the lift is certain
exactly when the difference is. For money, the same with the intervals of `means`.
"""

from sojourn.domain.statistics.confidence import USUAL
from sojourn.domain.statistics.interval import Interval
from sojourn.domain.statistics.means import TooFewPaid, mean
from sojourn.domain.statistics.mover import ratio_of
from sojourn.domain.statistics.rates import rate
from sojourn.domain.statistics.takings import Takings, check_one_currency
from sojourn.domain.statistics.tally import Tally


def lift(treated: Tally, held_out: Tally, confidence: float = USUAL) -> Interval | None:
    """Return the part by which the rate of the treated is higher.

    Args:
        treated: those who were to get the messages, whether they got them or not.
        held_out: those who were not.
        confidence: how often such intervals hold the truth.

    Returns:
        The lift: 0.2 for 12 % against 10 %. None if none of the held out did it: there is nothing
        to compare with.
    """
    if held_out.hits == 0:
        return None
    return _less_one(ratio_of(rate(treated, confidence), rate(held_out, confidence)))


def lift_of_means(
    treated: Takings, held_out: Takings, confidence: float = USUAL
) -> Interval | TooFewPaid | None:
    """Return the part by which the revenue per customer of the treated is higher.

    Args:
        treated: the takings of those who were to get the messages.
        held_out: those of the others, in the same currency.
        confidence: how often such intervals hold the truth.

    Returns:
        The lift; `TooFewPaid` if too few have paid for an interval; None if the held out paid
        nothing, once what was paid back is taken off.
    """
    check_one_currency(treated, held_out)
    ours, theirs = mean(treated, confidence), mean(held_out, confidence)
    for one in (ours, theirs):
        if isinstance(one, TooFewPaid):
            return one
    assert isinstance(ours, Interval)
    assert isinstance(theirs, Interval)
    if theirs.point <= 0 or ours.point < 0:
        return None
    return _less_one(ratio_of(ours, theirs))


def _less_one(ratio: Interval) -> Interval:
    return Interval(ratio.low - 1, ratio.point - 1, ratio.high - 1)
