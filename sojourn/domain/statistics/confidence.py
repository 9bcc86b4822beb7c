"""Confidence, power and other shares of certainty: how they are checked, and their quantiles."""

from statistics import NormalDist

from sojourn.domain.errors import BadFigures

USUAL = 0.95
"""The confidence of every interval, unless another is asked for."""
NORMAL = NormalDist()


def check_share(value: float, name: str) -> float:
    """Return a value that lies between 0 and 1, both left out.

    Args:
        value: the share.
        name: for the error: ``confidence``.

    Returns:
        The value.

    Raises:
        BadFigures: it does not lie there.
    """
    if not 0 < value < 1:
        raise BadFigures(f"{name} is {value}: give a number between 0 and 1, such as {USUAL}")
    return value


def z_of(confidence: float) -> float:
    """Return how many standard errors a two-sided interval of this confidence reaches: 1.96."""
    return NORMAL.inv_cdf((1 + check_share(confidence, "confidence")) / 2)
