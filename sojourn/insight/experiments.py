"""The outcome of an experiment: each variant against the first one, or against the held-out group.

Customers are compared by the variant they were assigned, whether they got a message or not
(intention to treat). A customer counts once their time to buy is over: somebody who came yesterday
has not had a week to buy in, and would make a younger group look poor. All who came on one day, by
UTC, count from one moment on.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.holdout import EVERYTHING, HELD_OUT, OF_A_JOURNEY, TREATED
from sojourn.domain.statistics.always_valid import always_valid_difference
from sojourn.domain.statistics.always_valid_means import always_valid_difference_of_means
from sojourn.domain.statistics.differences import difference
from sojourn.domain.statistics.horizon import Horizon, TooEarly, at_horizon
from sojourn.domain.statistics.interval import Interval
from sojourn.domain.statistics.means import TooFewPaid, difference_of_means
from sojourn.domain.statistics.rates import rate
from sojourn.domain.statistics.sample_ratio import SampleRatio, sample_ratio
from sojourn.domain.statistics.takings import Takings, takings
from sojourn.domain.statistics.tally import Tally
from sojourn.insight.exposed import Divided, divided
from sojourn.insight.measuring import Source
from sojourn.journeys.registry import Journeys


@dataclass
class Side:
    """The customers of one variant.

    Args:
        variant: its name.
        customers: the number of customers whose time to buy is over.
        converted: the number of them who bought within it.
        paid: by currency, the amount of each customer who paid.
    """

    variant: str
    customers: int = 0
    converted: int = 0
    paid: dict[str, list[float]] = field(default_factory=dict)

    @property
    def tally(self) -> Tally | None:
        """The buyers among all customers; None before the first customer."""
        return Tally(self.converted, self.customers) if self.customers else None

    @property
    def rate(self) -> Interval | None:
        """The share of buyers."""
        return None if self.tally is None else rate(self.tally)

    def takings(self, currency: str) -> Takings | None:
        """Return the takings from its customers in a currency."""
        if not self.customers:
            return None
        return takings(currency, self.customers, self.paid.get(currency, ()))


Figure = Interval | TooFewPaid | TooEarly
_Look = Callable[[bool], Interval | TooFewPaid]
"""Computes a figure; true asks for an interval that may be looked at every day."""
_Looking = Callable[[_Look], Figure]


@dataclass(frozen=True)
class Compared:
    """A variant compared with the base.

    Args:
        side: the variant.
        converted: how much higher its share of buyers is; None if one of them has no customers.
        revenue: by currency, how much more its average customer paid.
    """

    side: Side
    converted: Figure | None
    revenue: Mapping[str, Figure]


@dataclass(frozen=True)
class Outcome:
    """The figures of an experiment.

    Args:
        name: the name of the experiment.
        base: the variant that others are compared with.
        others: the others.
        young: customers whose time to buy is not over: they count in nothing yet.
        divided: the customers against the plan, those who are young among them; None: no plan is
            known, or one that has not all of the variants.
        always: the intervals may be looked at each day.
    """

    name: str
    base: Side
    others: tuple[Compared, ...]
    young: int
    divided: SampleRatio | None
    always: bool


async def outcome(
    session: AsyncSession,
    name: str,
    sources: Mapping[str, Source],
    now: datetime,
    *,
    weights: Mapping[str, float] | None = None,
    horizon: Horizon | None = None,
) -> Outcome:
    """Return the figures of an experiment.

    Args:
        session: any session.
        name: the name of the experiment.
        sources: journeys and campaigns with their goals, by name.
        now: the present moment.
        weights: the planned share of each variant, if it is known.
        horizon: allows a single look at its end, with narrower intervals; None: a look any day.

    Returns:
        The figures.

    Raises:
        UnknownName: no customer is in an experiment with that name.
    """
    return outcome_of(await divided(session, name, sources), now, weights=weights, horizon=horizon)


def outcome_of(
    found: Divided,
    now: datetime,
    *,
    weights: Mapping[str, float] | None = None,
    horizon: Horizon | None = None,
) -> Outcome:
    """Return the figures of an experiment whose customers were read.

    Args:
        found: the customers.
        now: the present moment.
        weights: as for `outcome`.
        horizon: likewise.

    Returns:
        The figures.
    """
    sides = {variant: Side(variant) for variant in found.variants}
    customers = dict.fromkeys(sides, 0)
    for one in found.arrived:
        variant = one.came.variant
        customers[variant] += one.came.customers
        if one.is_grown(now):
            sides[variant].customers += one.came.customers
    for variant, side in sides.items():
        side.converted, side.paid = found.bought(variant, now)
    base, *others = sides.values()
    is_planned = weights is not None and customers.keys() <= weights.keys()
    smaller = min(one.customers for one in sides.values())

    def look(figure: _Look) -> Figure:
        if horizon is None:
            return figure(True)
        return at_horizon(horizon, smaller, now, lambda: figure(False))

    return Outcome(
        found.name,
        base,
        tuple(_compared(one, base, look) for one in others),
        sum(customers.values()) - sum(side.customers for side in sides.values()),
        sample_ratio(customers, weights) if weights and is_planned else None,
        always=horizon is None,
    )


def planned(name: str, everywhere: float, journeys: Journeys) -> dict[str, float] | None:
    """Return the parts into which customers are divided; None: nobody knows them.

    Args:
        name: of the experiment.
        everywhere: the part that the installation holds out.
        journeys: of the project: the parts that they hold out, and their experiments.

    Returns:
        The part of each side. A variant of weight 0 has none: who had it before keeps it, so an
        experiment that has one is not checked.
    """
    if name in journeys.experiments:
        weights = dict(journeys.experiments[name].variants)
        return weights if all(weights.values()) else None
    part = everywhere
    if name != EVERYTHING:
        part = journeys.holdouts.get(name.removeprefix(OF_A_JOURNEY), 0.0)
    if not part or not (name == EVERYTHING or name.startswith(OF_A_JOURNEY)):
        return None
    return {HELD_OUT: part, TREATED: 1 - part}


def _compared(side: Side, base: Side, look: _Looking) -> Compared:
    mine, theirs = side.tally, base.tally
    if mine is None or theirs is None:
        return Compared(side, None, {})
    revenue: dict[str, Figure] = {}
    for currency in sorted({*side.paid, *base.paid}):
        ours, others = side.takings(currency), base.takings(currency)
        assert ours is not None
        assert others is not None
        revenue[currency] = look(_money(ours, others))
    return Compared(side, look(_share(mine, theirs)), revenue)


def _share(mine: Tally, theirs: Tally) -> _Look:
    return lambda always: (always_valid_difference if always else difference)(mine, theirs)


def _money(mine: Takings, theirs: Takings) -> _Look:
    def figure(always: bool) -> Interval | TooFewPaid:
        of = always_valid_difference_of_means if always else difference_of_means
        return of(mine, theirs)

    return figure
