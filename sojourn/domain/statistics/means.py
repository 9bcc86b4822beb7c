"""Revenue per customer, and its difference between two groups, by the studentised bootstrap.

Most customers pay nothing, and a few pay a lot. The usual formula then claims too much for the
messages, above all where a tenth is held out: a small group that happens to lack big spenders seems
both poorer and surer than it is. The studentised bootstrap (P. Hall, "Theoretical comparison of
bootstrap confidence intervals", Annals of Statistics 16, 1988) learns from the amounts themselves
how lopsided their mean is; `mover` puts the two groups together. Of the methods tried (Welch's,
percentile, bias-corrected, studentised as one difference) it alone holds 95 % on such amounts, and
misses on both sides alike. Resamples of few amounts show no larger one than those that came, so the
bounds are stretched, as Student's t is against the normal curve, by the number of payers.

Chance is seeded: the same amounts give the same interval, in any order.
"""

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

from sojourn.domain.statistics.confidence import USUAL, check_share, student_of, z_of
from sojourn.domain.statistics.interval import Interval
from sojourn.domain.statistics.mover import difference_of
from sojourn.domain.statistics.takings import Takings, check_one_currency

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

NEEDED = 10
"""The customers of a group who must have paid: fewer do not tell how amounts differ."""
RESAMPLES = 1000
_BUNDLES = 500
"""The most values that are drawn from: more customers than this who paid are bundled, by chance."""
_AT_ONCE = 1_000_000
"""Draws that are in memory together."""
_SEED = 1908
"""The year of Student's paper; any number does."""


@dataclass(frozen=True)
class TooFewPaid:
    """No interval: too few of a group have paid.

    Args:
        paid: the customers of that group who have.
        needed: those who must have.
    """

    paid: int
    needed: int = NEEDED

    def __str__(self) -> str:
        """``too few have paid: 3 of 10 needed``."""
        return f"too few have paid: {self.paid} of {self.needed} needed"


def mean(takings: Takings, confidence: float = USUAL) -> Interval | TooFewPaid:
    """Return the revenue per customer of a group, those who paid nothing included."""
    check_share(confidence, "confidence")
    if few := too_few(takings):
        return few
    error = sqrt(takings.variance / takings.customers)
    if error == 0:  # everybody paid the same
        return Interval(takings.mean, takings.mean, takings.mean)
    below, above = _errors_that_mislead(takings, confidence)
    error *= student_of(len(takings.amounts) - 1, confidence) / z_of(confidence)
    return Interval(
        min(takings.mean - above * error, takings.mean),
        takings.mean,
        max(takings.mean - below * error, takings.mean),
    )


def difference_of_means(
    treated: Takings, held_out: Takings, confidence: float = USUAL
) -> Interval | TooFewPaid:
    """Return how much more a customer of the treated has paid.

    Args:
        treated: the takings of those who were to get the messages.
        held_out: those of the others, in the same currency.
        confidence: how often such intervals hold the truth.

    Returns:
        The difference, in money a customer; `TooFewPaid` if too few of a group have paid.
    """
    check_one_currency(treated, held_out)
    return between(mean(treated, confidence), mean(held_out, confidence))


def between(ours: Interval | TooFewPaid, theirs: Interval | TooFewPaid) -> Interval | TooFewPaid:
    """Return the difference of two means of one currency, unless one of them has no interval."""
    if isinstance(ours, TooFewPaid):
        return ours
    return theirs if isinstance(theirs, TooFewPaid) else difference_of(ours, theirs)


def too_few(takings: Takings) -> TooFewPaid | None:
    """Return a `TooFewPaid` if too few of a group have paid for an interval; else None."""
    paid = len(takings.amounts)
    return TooFewPaid(paid) if paid < NEEDED else None


def _errors_that_mislead(takings: Takings, confidence: float) -> tuple[float, float]:
    """Return how many standard errors a mean lies too low, and too high, at the confidence's edges.

    Each resample has a mean and a standard error of its own, and so a distance from the truth,
    which for resamples is known.
    """
    import numpy as np  # noqa: PLC0415 (heavy; loaded when a page with money is opened)

    draw = np.random.Generator(np.random.SFC64(_SEED))
    values, none, centre = _values(takings, draw)
    sums, squares = _resampled(values, none, centre, draw)
    size = len(values) + none
    spread = np.maximum(squares - sums * sums / size, 0.0) * (size / (size - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        strayed = sums / np.sqrt(spread)
    strayed = np.where(np.isnan(strayed), 0.0, strayed)  # all alike, and right
    edges = [(1 - confidence) / 2, (1 + confidence) / 2]
    # bounds are distances that were seen: between two of them, one may be infinite
    below, above = np.quantile(strayed, edges, method="inverted_cdf")
    return float(below), float(above)


def _values(takings: Takings, draw: "np.random.Generator") -> tuple["Floats", int, float]:
    """Return what is drawn from: values of those who paid, how many others, and their value.

    All are distances from the mean. Many are bundled: the mean of bundles is as lopsided as that of
    their customers, so nothing is lost that the distances tell.
    """
    import numpy as np  # noqa: PLC0415 (see above)

    mean = takings.mean
    paid = np.sort(np.asarray(takings.amounts, dtype=np.float64)) - mean
    none = takings.customers - len(paid)
    if len(paid) <= _BUNDLES:
        return paid, none, -mean
    # as if everybody were shuffled and dealt out, though only those who paid are touched
    sizes = np.full(_BUNDLES, takings.customers // _BUNDLES)
    sizes[: takings.customers % _BUNDLES] += 1
    paying = draw.multivariate_hypergeometric(sizes, len(paid))
    bundle = np.repeat(np.arange(_BUNDLES), paying)
    sums = np.bincount(bundle, weights=draw.permutation(paid), minlength=_BUNDLES)
    bundles = sums.astype(np.float64) - (sizes - paying) * mean
    return bundles, 0, 0.0


def _resampled(
    values: "Floats", none: int, centre: float, draw: "np.random.Generator"
) -> tuple["Floats", "Floats"]:
    """Return sums, and sums of squares, of resamples of everybody.

    Only those who paid are drawn one by one: how many of them a resample has is drawn first.
    """
    import numpy as np  # noqa: PLC0415 (see above)

    size = len(values) + none
    counts = draw.binomial(size, len(values) / size, RESAMPLES)
    sums, squares = np.zeros(RESAMPLES), np.zeros(RESAMPLES)
    some = max(1, _AT_ONCE // len(values))
    for first in range(0, RESAMPLES, some):
        part = slice(first, first + some)
        drawn = values[draw.integers(0, len(values), counts[part].sum(), dtype=np.uint32)]
        any_paid = np.flatnonzero(counts[part])  # a resample of nobody has no stretch to add up
        starts = (np.cumsum(counts[part]) - counts[part])[any_paid]
        if len(starts):
            sums[part][any_paid] = np.add.reduceat(drawn, starts)
            squares[part][any_paid] = np.add.reduceat(drawn * drawn, starts)
    others = size - counts
    return sums + others * centre, squares + others * centre**2
