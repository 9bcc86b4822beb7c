"""The customers of experiments, as they were divided: how many, and the orders of those who bought.

A customer who has bought nothing is a number; only buyers are read one by one. So a report takes as
long for many customers as for few.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.errors import UnknownName
from sojourn.domain.holdout import EVERYTHING, HELD_OUT
from sojourn.domain.measuring.attribution import WINDOW
from sojourn.domain.measuring.orders import TAKEN_BACK, Order, orders_of
from sojourn.insight.measuring import Source
from sojourn.store.measuring import outcomes
from sojourn.store.measuring.outcomes import Came

NO_GOALS = Source(frozenset())


@dataclass(frozen=True)
class Buyer:
    """A customer of an experiment who has bought, at any time.

    Args:
        variant: that the customer has.
        at: when they came into it.
        until: the end of their time to buy.
        orders: those that stand, the earliest first.
    """

    variant: str
    at: datetime
    until: datetime
    orders: tuple[Order, ...]


@dataclass(frozen=True)
class Divided:
    """The customers of an experiment.

    Args:
        name: the name of the experiment.
        came: all of them, counted.
        buyers: those who have bought.
    """

    name: str
    came: tuple[Came, ...]
    buyers: tuple[Buyer, ...]

    @property
    def variants(self) -> list[str]:
        """The variants by name, those who were held out first: others are compared with them."""
        return sorted({one.variant for one in self.came}, key=lambda one: (one != HELD_OUT, one))

    @property
    def source(self) -> str:
        """The journey or campaign that most of its customers came by; empty: it is of all."""
        if self.name == EVERYTHING:
            return ""
        sizes: dict[str, int] = {}
        for one in self.came:
            sizes[one.source] = sizes.get(one.source, 0) + one.customers
        return max(sorted(sizes), key=sizes.__getitem__)


async def divided(
    session: AsyncSession, name: str, sources: Mapping[str, Source], now: datetime
) -> Divided:
    """Return the customers of one experiment.

    Args:
        session: any session.
        name: the name of the experiment.
        sources: journeys and campaigns with their goals, by name.
        now: the present moment.

    Returns:
        The customers.

    Raises:
        UnknownName: there are none.
    """
    if found := await _read(session, sources, now, name):
        return found[0]
    known = [each for each, *_ in await outcomes.experiments(session)]
    raise UnknownName("experiment", name, known, hint="no customer is in one yet")


async def all_divided(
    session: AsyncSession, sources: Mapping[str, Source], now: datetime
) -> list[Divided]:
    """Return the customers of every experiment, by its name.

    Args:
        session: any session.
        sources: journeys and campaigns with their goals, by name.
        now: the present moment.

    Returns:
        The customers of each.
    """
    return await _read(session, sources, now, "")


async def _read(
    session: AsyncSession, sources: Mapping[str, Source], now: datetime, name: str
) -> list[Divided]:
    every = _all_of(sources.values())
    windows = {each: source.window for each, source in sources.items()}
    came: dict[str, list[Came]] = {}
    for one in await outcomes.came(
        session, now, windows, WINDOW, {EVERYTHING: every.window}, experiment=name
    ):
        came.setdefault(one.experiment, []).append(one)
    buyers: dict[str, list[Buyer]] = {}
    for who in await outcomes.who_told(session, every.goals, TAKEN_BACK, experiment=name):
        is_of_all = who.experiment == EVERYTHING
        source = every if is_of_all else sources.get(who.source, NO_GOALS)
        orders = tuple(one for one in orders_of(who.told, source.goals) if one.stands)
        if orders:
            buyer = Buyer(who.variant, who.at, who.at + source.window, orders)
            buyers.setdefault(who.experiment, []).append(buyer)
    return [Divided(each, tuple(came[each]), tuple(buyers.get(each, ()))) for each in sorted(came)]


def _all_of(sources: Iterable[Source]) -> Source:
    """Return the goals of all journeys: those of an experiment that is of all."""
    every = list(sources)
    goals = frozenset(goal for each in every for goal in each.goals)
    return Source(goals, max((each.window for each in every), default=timedelta(days=7)))
