"""Lifetime value of an experiment's customers: what they had paid by each month of age."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.statistics.lifetime import (
    AtAge,
    check_months,
    compared_by_age,
    months_old,
)
from sojourn.domain.statistics.takings import Takings, takings
from sojourn.insight.exposed import Divided, divided
from sojourn.insight.measuring import Source

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Lifetime:
    """Lifetime value of one variant against that of the base.

    Args:
        variant: the variant.
        base: the variant it is compared with, which `AtAge.held_out` is about.
        currency: the currency of all amounts.
        ages: a row for each month of age.
    """

    variant: str
    base: str
    currency: str
    ages: tuple[AtAge, ...]


async def lifetimes(
    session: AsyncSession, name: str, sources: Mapping[str, Source], now: datetime, *, months: int
) -> list[Lifetime]:
    """Return the payments of an experiment's customers by each age, by variant and currency.

    The age counts from the customer's entry into the experiment, and every order that is a goal
    counts, whenever it came.

    Args:
        session: any session.
        name: the name of the experiment.
        sources: journeys and campaigns with their goals, by name.
        now: the moment up to which orders are known.
        months: the highest age, in months.

    Returns:
        The figures; none before the first customer who has paid is a month old.

    Raises:
        UnknownName: no customer is in an experiment with that name.
        BadFigures: there are no such months.
    """
    return lifetimes_of(await divided(session, name, sources), now, months=months)


def lifetimes_of(found: Divided, now: datetime, *, months: int) -> list[Lifetime]:
    """Return the same of an experiment whose customers were read.

    A customer has reached an age when the day of it is over, by UTC: so all who came on one day
    reach it together.

    Args:
        found: the customers.
        now: the present moment.
        months: the highest age.

    Returns:
        The figures.
    """
    check_months(months)
    yesterday = datetime.combine(now.astimezone(UTC).date() - _DAY, time(), UTC)
    ages = [
        months_old(datetime.combine(one.came.day, time(), UTC), yesterday) for one in found.arrived
    ]
    base, *others = found.variants
    figures = {
        (variant, currency): list(_by_age(found, variant, currency, ages, months))
        for variant in found.variants
        for currency in found.currencies
    }
    return [
        Lifetime(variant, base, currency, tuple(rows))
        for variant in others
        for currency in found.currencies
        if (rows := compared_by_age(figures[variant, currency], figures[base, currency]))
    ]


def _by_age(
    found: Divided, variant: str, currency: str, ages: Sequence[int], months: int
) -> Iterator[Takings]:
    """Yield what customers had paid by each age, as long as somebody has reached it."""
    for month in range(1, min(months, max(ages)) + 1):
        customers = sum(
            one.came.customers
            for one, age in zip(found.arrived, ages, strict=True)
            if one.has(variant) and age >= month
        )
        if not customers:
            return
        yield takings(currency, customers, found.paid_by(variant, currency, ages, month))
