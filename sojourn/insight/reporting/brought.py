"""The outcome of a control group or an experiment, as a report tells it.

Two intervals stand side by side: one for a single look, and a wider one for those who look each
day. A word such as "higher" is by the first; whether it holds on any day is said beside it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sojourn.domain.holdout import HELD_OUT
from sojourn.domain.statistics import Interval
from sojourn.insight.experiments import Compared, Figure, Outcome, Side
from sojourn.insight.lifetimes import Lifetime


class Verdict(StrEnum):
    """A word for a difference."""

    HIGHER = "higher"
    LOWER = "lower"
    CHANCE = "may be chance"
    UNKNOWN = "cannot be told"
    """There is no interval: too few have paid, or a side has nobody."""


class Standing(StrEnum):
    """A word for a side, in all, against the one that it is compared with."""

    LEADS = "leads"
    LOSES = "loses"
    MORE_FOR_LESS = "sells more, earns less"
    LESS_FOR_MORE = "sells less, earns more"
    EARNS_MORE = "earns more"
    EARNS_LESS = "earns less"
    CHANCE = "may be chance"
    UNKNOWN = "cannot be told"


@dataclass(frozen=True)
class More:
    """A difference between two sides.

    Args:
        once: with the interval for one look.
        any_day: with that for a look each day.
    """

    once: Figure | None
    any_day: Figure | None

    @property
    def verdict(self) -> Verdict:
        """The word for it, at one look."""
        return _verdict(self.once)

    @property
    def holds(self) -> bool:
        """True if it says the same to those who look each day."""
        return self.verdict == _verdict(self.any_day)


@dataclass(frozen=True)
class Against:
    """A side against the one that it is compared with.

    Args:
        side: the side.
        converted: how much higher its share of buyers is.
        revenue: by currency, how much more its customer paid.
    """

    side: Side
    converted: More
    revenue: Mapping[str, More]

    @property
    def standing(self) -> Standing:
        """The word for it, in all.

        Where as many bought on both sides, a difference of money counts only if it holds on any
        day: each currency would else be one more chance to be wrong.
        """
        sold = self.converted.verdict
        if sold is Verdict.UNKNOWN:
            return Standing.UNKNOWN
        is_sure = sold is Verdict.CHANCE
        earned = (one for one in self.revenue.values() if one.holds or not is_sure)
        return _STANDINGS[sold, _together(one.verdict for one in earned)]


@dataclass(frozen=True)
class Brought:
    """All that a control group or an experiment has brought.

    Args:
        name: of the experiment.
        source: its journey or campaign; empty: it is of all.
        once: its figures, with intervals for one look.
        any_day: the same, with intervals for a look each day.
        lifetimes: what customers had paid by each month of age.
    """

    name: str
    source: str
    once: Outcome
    any_day: Outcome
    lifetimes: tuple[Lifetime, ...]

    @property
    def is_holdout(self) -> bool:
        """True if customers are compared with those who were held out."""
        return self.once.base.variant == HELD_OUT

    @property
    def is_uneven(self) -> bool:
        """True if something else than chance divides the customers: no figure can be trusted."""
        return self.once.divided is not None and self.once.divided.broken

    @property
    def sides(self) -> tuple[Side, ...]:
        """All sides, the one that others are compared with first."""
        return (self.once.base, *(one.side for one in self.once.others))

    @property
    def against(self) -> tuple[Against, ...]:
        """The others, compared."""
        pairs = zip(self.once.others, self.any_day.others, strict=True)
        return tuple(_against(one, other) for one, other in pairs)

    @property
    def currencies(self) -> list[str]:
        """The currencies in which somebody paid."""
        return sorted({currency for side in self.sides for currency in side.paid})


def _against(once: Compared, any_day: Compared) -> Against:
    revenue = {
        currency: More(figure, any_day.revenue[currency])
        for currency, figure in once.revenue.items()
    }
    return Against(once.side, More(once.converted, any_day.converted), revenue)


def _verdict(figure: Figure | None) -> Verdict:
    if not isinstance(figure, Interval):
        return Verdict.UNKNOWN
    if not figure.excludes():
        return Verdict.CHANCE
    return Verdict.HIGHER if figure.low > 0 else Verdict.LOWER


def _together(verdicts: Iterable[Verdict]) -> Verdict:
    """Return what several currencies say; where two contradict each other, nothing."""
    certain = {one for one in verdicts if one in (Verdict.HIGHER, Verdict.LOWER)}
    return certain.pop() if len(certain) == 1 else Verdict.CHANCE


_STANDINGS = {
    (Verdict.HIGHER, Verdict.HIGHER): Standing.LEADS,
    (Verdict.HIGHER, Verdict.CHANCE): Standing.LEADS,
    (Verdict.HIGHER, Verdict.LOWER): Standing.MORE_FOR_LESS,
    (Verdict.LOWER, Verdict.LOWER): Standing.LOSES,
    (Verdict.LOWER, Verdict.CHANCE): Standing.LOSES,
    (Verdict.LOWER, Verdict.HIGHER): Standing.LESS_FOR_MORE,
    (Verdict.CHANCE, Verdict.HIGHER): Standing.EARNS_MORE,
    (Verdict.CHANCE, Verdict.LOWER): Standing.EARNS_LESS,
    (Verdict.CHANCE, Verdict.CHANCE): Standing.CHANCE,
}
