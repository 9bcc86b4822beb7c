"""The customers of experiments, as they were divided: how many came, and what buyers paid.

All of it was counted before: a customer who has bought nothing is a part of a number. So a report
takes as long for many customers as for few.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.errors import UnknownName
from sojourn.domain.holdout import EVERYTHING, HELD_OUT
from sojourn.insight.measuring import Source, source_of
from sojourn.insight.payments import Payments, Row
from sojourn.store.measuring import cohorts
from sojourn.store.measuring.cohorts import Came

_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Arrived:
    """Customers of an experiment who came with one variant, on one day.

    Args:
        came: the customers, counted.
        window: how long after that each of them has to buy.
    """

    came: Came
    window: timedelta

    def is_grown(self, now: datetime) -> bool:
        """Tell whether the time to buy is over for all of them: they came on one day, by UTC."""
        return datetime.combine(self.came.day, time(), UTC) + _DAY + self.window <= now

    def has(self, variant: str) -> bool:
        """Tell whether they came with a variant."""
        return self.came.variant == variant


@dataclass(frozen=True)
class Divided:
    """The customers of an experiment.

    Args:
        name: the name of the experiment.
        arrived: all of them, counted.
        payments: their orders.
    """

    name: str
    arrived: tuple[Arrived, ...]
    payments: Payments | None

    @property
    def variants(self) -> list[str]:
        """The variants by name, those who were held out first: others are compared with them."""
        names = {one.came.variant for one in self.arrived}
        return sorted(names, key=lambda one: (one != HELD_OUT, one))

    @property
    def source(self) -> str:
        """The journey or campaign that most of its customers came by; empty: it is of all."""
        if self.name == EVERYTHING:
            return ""
        sizes: dict[str, int] = {}
        for one in self.arrived:
            sizes[one.came.source] = sizes.get(one.came.source, 0) + one.came.customers
        return max(sorted(sizes), key=sizes.__getitem__)

    @property
    def currencies(self) -> list[str]:
        """The currencies in which somebody paid."""
        found = self.payments
        if found is None:
            return []
        return [one for one in found.currencies if one and found.pays_in(one).any()]

    def bought(self, variant: str, now: datetime) -> tuple[int, dict[str, list[float]]]:
        """Return who bought in time, of those whose time to buy is over.

        Args:
            variant: the variant that they have.
            now: the moment when they were counted.

        Returns:
            The number of buyers; and by currency, what each of them who paid has paid.
        """
        found = self.payments
        if found is None:
            return 0, {}
        until = found.of_cohorts(
            one.window // _MICROSECOND if one.has(variant) and one.is_grown(now) else 0
            for one in self.arrived
        )
        chosen = (found.age > 0) & (found.age <= until)
        paid = {each: found.paid(chosen, each) for each in self.currencies}
        return found.buyers(chosen), {each: some for each, some in paid.items() if some}

    def paid_by(self, variant: str, currency: str, ages: Sequence[int], month: int) -> list[float]:
        """Return what each customer had paid by an age, of those who have reached it and paid.

        Args:
            variant: the variant that they have.
            currency: the currency of what they paid.
            ages: the whole months since each of ``arrived`` came.
            month: the age, in months.

        Returns:
            The amounts, in units of the currency.
        """
        found = self.payments
        if found is None:
            return []
        reached = found.of_cohorts(
            int(one.has(variant) and age >= month)
            for one, age in zip(self.arrived, ages, strict=True)
        )
        return found.paid((reached > 0) & (found.months < month), currency)


async def divided(session: AsyncSession, name: str, sources: Mapping[str, Source]) -> Divided:
    """Return the customers of one experiment.

    Args:
        session: any session.
        name: the name of the experiment.
        sources: journeys and campaigns with their goals, by name.

    Returns:
        The customers.

    Raises:
        UnknownName: there are none.
    """
    if found := await _read(session, sources, name):
        return found[0]
    known = [each for each, *_ in await cohorts.experiments(session)]
    raise UnknownName("experiment", name, known, hint="no customer is in one yet")


async def all_divided(session: AsyncSession, sources: Mapping[str, Source]) -> list[Divided]:
    """Return the customers of every experiment, by its name.

    Args:
        session: any session.
        sources: journeys and campaigns with their goals, by name.

    Returns:
        The customers of each.
    """
    return await _read(session, sources, "")


async def _read(session: AsyncSession, sources: Mapping[str, Source], name: str) -> list[Divided]:
    arrived: dict[str, list[Arrived]] = {}
    places: dict[int, tuple[str, int]] = {}
    for came in await cohorts.came(session, experiment=name):
        mine = arrived.setdefault(came.experiment, [])
        places[came.number] = came.experiment, len(mine)
        mine.append(Arrived(came, source_of(came.experiment, came.source, sources).window))
    orders: dict[str, list[Row]] = {}
    for number, who, currency, value, age, months in await cohorts.orders(session, experiment=name):
        if place := places.get(number):
            row = (place[1], who, currency, value, age, months)
            orders.setdefault(place[0], []).append(row)
    return [
        Divided(each, tuple(some), Payments.of(orders[each]) if each in orders else None)
        for each, some in sorted(arrived.items())
    ]
