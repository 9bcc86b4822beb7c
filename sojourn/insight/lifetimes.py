"""Lifetime value of an experiment's customers: what they had paid by each month of age."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.measuring.attribution import MICROS
from sojourn.domain.measuring.orders import orders_of
from sojourn.domain.statistics.lifetime import AtAge, Life, lifetime_value
from sojourn.insight.exposed import customers, in_order
from sojourn.insight.measuring import Source


@dataclass(frozen=True)
class Lifetime:
    """Lifetime value of one variant against that of the one that it is compared with.

    Args:
        variant: the variant.
        base: the other one; `AtAge.held_out` is about it.
        currency: of all amounts.
        ages: a row a month.
    """

    variant: str
    base: str
    currency: str
    ages: tuple[AtAge, ...]


async def lifetimes(
    session: AsyncSession, name: str, sources: Mapping[str, Source], now: datetime, *, months: int
) -> list[Lifetime]:
    """Return what customers of an experiment had paid by each age, by variant and currency.

    The age counts from the moment at which a customer came into the experiment, and every order
    that is a goal counts, whenever it came.

    Args:
        session: any session.
        name: of the experiment.
        sources: journeys and campaigns with their goals, by name.
        now: up to which orders are known.
        months: the highest age.

    Returns:
        The figures; none before the first customer who has paid is a month old.

    Raises:
        UnknownName: no customer is in an experiment of that name.
        BadFigures: there are no such months.
    """
    entered: dict[str, list[tuple[datetime, dict[str, list[tuple[datetime, Decimal]]]]]] = {}
    currencies: set[str] = set()
    async for one, source, told in customers(session, name, sources):
        paid: dict[str, list[tuple[datetime, Decimal]]] = {}
        for order in orders_of(told, source.goals):
            if order.stands and order.value and order.event.currency:
                amount = Decimal(order.value) / MICROS
                paid.setdefault(order.event.currency, []).append((order.event.at, amount))
        currencies |= paid.keys()
        entered.setdefault(one.variant, []).append((one.at, paid))
    base, *others = in_order(entered)
    return [
        Lifetime(variant, base, currency, tuple(ages))
        for variant in others
        for currency in sorted(currencies)
        if (
            ages := lifetime_value(
                *(
                    [Life(at, tuple(paid.get(currency, ()))) for at, paid in entered[each]]
                    for each in (variant, base)
                ),
                currency=currency,
                now=now,
                months=months,
            )
        )
    ]
