"""Lifetime value of an experiment's customers: what they had paid by each month of age."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.measuring.attribution import MICROS
from sojourn.domain.statistics.lifetime import AtAge, Life, lifetime_value
from sojourn.insight.exposed import Buyer, Divided, divided
from sojourn.insight.measuring import Source

_INSTANT = timedelta(microseconds=1)


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
    return lifetimes_of(await divided(session, name, sources, now), now, months=months)


def lifetimes_of(found: Divided, now: datetime, *, months: int) -> list[Lifetime]:
    """Return the same of an experiment whose customers were read.

    A customer has reached an age when the day of it is over, by UTC: so all who came on one day
    reach it together.

    Args:
        found: the customers.
        now: the moment when they were.
        months: the highest age.

    Returns:
        The figures.
    """
    paid = [(buyer, _by_currency(buyer)) for buyer in found.buyers]
    currencies = sorted({currency for _, payments in paid for currency in payments})
    base, *others = found.variants
    over = datetime.combine(now.astimezone(UTC).date(), time(), UTC) - _INSTANT
    rest = {variant: _who_paid_nothing(found, variant) for variant in found.variants}

    def lives(variant: str, currency: str) -> list[Life]:
        mine = [
            Life(buyer.at, payments.get(currency, ()))
            for buyer, payments in paid
            if buyer.variant == variant
        ]
        return [*mine, *rest[variant]]

    return [
        Lifetime(variant, base, currency, tuple(ages))
        for variant in others
        for currency in currencies
        if (
            ages := lifetime_value(
                lives(variant, currency),
                lives(base, currency),
                currency=currency,
                now=over,
                months=months,
            )
        )
    ]


def _by_currency(buyer: Buyer) -> dict[str, tuple[tuple[datetime, Decimal], ...]]:
    found: dict[str, tuple[tuple[datetime, Decimal], ...]] = {}
    for order in buyer.orders:
        if order.value and order.event.currency:
            payment = (order.event.at, Decimal(order.value) / MICROS)
            found[order.event.currency] = (*found.get(order.event.currency, ()), payment)
    return found


def _who_paid_nothing(found: Divided, variant: str) -> list[Life]:
    """Return those of a variant who bought nothing, one life for all of a day."""
    days: Counter[date] = Counter()
    for one in found.came:
        if one.variant == variant:
            days[one.day] += one.customers
    for buyer in found.buyers:
        if buyer.variant == variant:
            days[buyer.at.astimezone(UTC).date()] -= 1
    return [
        Life(datetime.combine(day, time(), UTC), alike=number)
        for day, number in sorted(days.items())
        if number
    ]
