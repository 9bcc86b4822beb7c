"""Figures of a report in words, the same in a terminal and on the page."""

from decimal import Decimal

from sojourn.domain.measuring.attribution import Model
from sojourn.domain.statistics import Interval, TooEarly, TooFewPaid
from sojourn.insight.experiments import Figure
from sojourn.insight.reporting.brought import Against, Brought, More, Standing, Verdict
from sojourn.insight.reporting.figures import NOT_TOLD, By

MODELS = {
    Model.LAST: "the last message before the order",
    Model.FIRST: "the first message before the order",
    Model.LINEAR: "all messages before the order, the same to each",
}
"""The rules that divide orders among messages, in words."""


def percent(share: float) -> str:
    """Write a share, a small one with one more digit, since complaints are judged by these."""
    digits = 2 if 0 < share < 0.01 else 1
    return f"{100 * share:.{digits}f} %"


def named(by: By, name: str) -> str:
    """Return the name of a group by a column, in words if the column is empty."""
    return name or NOT_TOLD[by]


def interval(value: Interval | None, *, signed: bool = False) -> str:
    """Write a share with its bounds: ``4.1 % (3.0 % to 5.6 %)``.

    Args:
        value: the share; None is written as a dash.
        signed: it is a difference, in percentage points.

    Returns:
        The words.
    """
    if value is None:
        return "–"
    low, point, high = (_points(one, signed=signed) for one in (value.low, value.point, value.high))
    return f"{point} ({low} to {high})"


def told(more: Interval | None) -> str:
    """Say whether a difference is more than chance."""
    if more is None:
        return ""
    if not more.excludes():
        return "may be chance"
    return "higher" if more.low > 0 else "lower"


def difference(figure: Figure | None) -> str:
    """Write how much higher a share is, in points: ``+2.10 (+0.90 to +3.30)``."""
    return interval(figure, signed=True) if isinstance(figure, Interval) else lacking(figure)


def money(figure: Figure | None, *, signed: bool = False) -> str:
    """Write an amount with its bounds: ``4.20 (3.10 to 5.60)``.

    Args:
        figure: an amount, or why there is none.
        signed: it is a difference.

    Returns:
        The words.
    """
    if not isinstance(figure, Interval):
        return lacking(figure)
    sign = "+" if signed else ""
    low, point, high = (f"{one:{sign},.2f}" for one in (figure.low, figure.point, figure.high))
    return f"{point} ({low} to {high})"


def lacking(figure: TooFewPaid | TooEarly | None) -> str:
    """Say why there is no interval."""
    match figure:
        case TooFewPaid(paid=paid, needed=needed):
            return f"{paid} paid, too few: {needed} are needed"
        case TooEarly():
            return str(figure)
    return "–"


def verdict(more: More) -> str:
    """Say what a difference tells, and whether it does so to those who look each day."""
    if more.verdict in (Verdict.HIGHER, Verdict.LOWER) and not more.holds:
        return f"{more.verdict}, at one look alone"
    return str(more.verdict)


def standing(brought: Brought, against: Against) -> str:
    """Say how a side stands in all: of a control group, if it is worth to write."""
    if not brought.is_holdout:
        return str(against.standing)
    return _OF_HOLDOUTS.get(against.standing, str(against.standing))


_OF_HOLDOUTS = {
    Standing.LEADS: "sells more than silence",
    Standing.LOSES: "sells less than silence",
    Standing.CHANCE: "no effect to be seen",
}


def experiment(brought: Brought) -> str:
    """Return the title of what an experiment has brought."""
    if not brought.is_holdout:
        return f"Experiment {brought.name}"
    return "Against those held out" if brought.source else "Against those held out from everything"


def amount(value: Decimal, currency: str | None = None) -> str:
    """Write an amount of money.

    Args:
        value: the amount.
        currency: written after it; empty: it is unknown; None: it stands elsewhere.

    Returns:
        The words; goals such as a login have no value.
    """
    if not value and currency == "":
        return "no value"
    behind = "" if currency is None else f" {currency or '(no currency told)'}"
    return f"{value:,.2f}{behind}"


def orders(value: Decimal) -> str:
    """Write a number of orders, which may be a fraction if the model divides them."""
    written = f"{value:,.2f}"
    return written.removesuffix(".00")


def _points(share: float, *, signed: bool) -> str:
    if not signed:
        return percent(share)
    return f"{100 * share:+.2f}"
