"""`Horizon`: when an experiment may be judged, said before it began.

The usual intervals keep their word for one look, at a moment that the figures did not choose. A
reader who looks each day and stops at a good one is wrong far more often than they say. So until
its horizon an experiment shows how far it has come, and no interval. For an earlier look there are
the intervals of `always_valid`, which are wider.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sojourn.domain.errors import BadFigures

_Figure = TypeVar("_Figure")


@dataclass(frozen=True)
class Horizon:
    """The size or the moment at which an experiment may be judged; of two, both must be reached.

    Args:
        customers: in each group, those whose time to convert is over.
        until: the moment, with its zone.

    Raises:
        BadFigures: neither is given, or one that cannot be.
    """

    customers: int | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        if self.customers is None and self.until is None:
            raise BadFigures("a horizon needs customers=, until=, or both")
        if self.customers is not None and self.customers < 1:
            raise BadFigures(f"a horizon of {self.customers} customers: give 1 or more")
        if self.until is not None and self.until.tzinfo is None:
            raise BadFigures(f"a horizon until {self.until} lacks a time zone")


@dataclass(frozen=True)
class TooEarly:
    """An experiment has not reached its horizon: no interval yet.

    Args:
        customers: those that the smaller group has now.
        horizon: that was set.
        now: when it was asked.
    """

    customers: int
    horizon: Horizon
    now: datetime

    @property
    def lacking(self) -> int:
        """The customers still to come into the smaller group; 0 if only the moment is missing."""
        return max(0, (self.horizon.customers or 0) - self.customers)

    def __str__(self) -> str:
        """``too early: 1,200 of 4,200 customers a group``."""
        if self.lacking:
            return f"too early: {self.customers:,} of {self.horizon.customers:,} customers a group"
        return f"too early: until {self.horizon.until:%Y-%m-%d %H:%M %Z}"


def at_horizon(
    horizon: Horizon, customers: int, now: datetime, figure: Callable[[], _Figure]
) -> _Figure | TooEarly:
    """Return a figure if the horizon is reached, else how far away it is.

    Args:
        horizon: that was set before the experiment began.
        customers: those that the smaller group has now.
        now: the moment, with its zone.
        figure: counts the figure; not called when it is too early.

    Returns:
        The figure, or `TooEarly`.
    """
    short = horizon.customers is not None and customers < horizon.customers
    if short or (horizon.until is not None and now < horizon.until):
        return TooEarly(customers, horizon, now)
    return figure()
