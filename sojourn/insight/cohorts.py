"""Counting those who came into experiments, and what they bought since: a part of each pass."""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.measuring.orders import Told, orders_of
from sojourn.domain.statistics.lifetime import months_old
from sojourn.store.measuring import cohorts
from sojourn.store.measuring.cohorts import Bought, Cohort, Exposure

MICROSECOND = timedelta(microseconds=1)

GoalsOf = Callable[[str, str], frozenset[str]]
"""Returns the goals that count, from the names of an experiment and of a journey or campaign."""


async def count(
    session: AsyncSession,
    changed: Collection[int],
    customers: Collection[str],
    told: Mapping[str, list[Told]],
    goals_of: GoalsOf,
) -> None:
    """Count customers in their cohorts as they are now, with their orders.

    Args:
        session: a writing transaction; no other one counts meanwhile.
        changed: the numbers of exposures that are new, have moved, or were deleted.
        customers: the customers of these, and all others who told or took back an order.
        told: their events that tell orders, or take them back.
        goals_of: finds the goals of each.
    """
    every = await cohorts.exposures(session, customers)
    firsts: dict[tuple[str, str], Exposure] = {}
    for one in every:
        firsts.setdefault((one.customer_id, one.experiment), one)
    counting = {one.id: one for one in firsts.values()}
    touched = {*changed, *(one.id for one in every)}
    if not touched:
        return
    had = await cohorts.counted(session, touched)
    new = {number: Cohort.of(one) for number, one in counting.items() if number not in had}
    await cohorts.change(session, new, {n: of for n, of in had.items() if n not in counting})
    first_of = {one.id: firsts[one.customer_id, one.experiment] for one in every}
    await _note_orders(session, touched, first_of, told, goals_of)


async def _note_orders(
    session: AsyncSession,
    touched: Collection[int],
    first_of: Mapping[int, Exposure],
    told: Mapping[str, list[Told]],
    goals_of: GoalsOf,
) -> None:
    """Note the orders of customers at their first exposures.

    Orders whose events have given up their fields cannot be told again: they stay, and follow
    their customer to an exposure that turns out to be an older one.
    """
    before = {(one.exposure_id, one.seq): one for one in await cohorts.bought(session, touched)}
    told_anew = {event.seq for events in told.values() for event in events}
    now = {
        (one.exposure_id, one.seq): one
        for first in first_of.values()
        for one in _bought(first, told.get(first.customer_id, []), goals_of)
    }
    for one in before.values():
        first = first_of.get(one.exposure_id)
        if first is not None and one.seq not in told_anew and one.at >= first.at:
            now.setdefault(
                (first.id, one.seq), _at(first, one.seq, one.at, one.currency, one.value)
            )
    await cohorts.replace(
        session,
        [one for key, one in before.items() if now.get(key) != one],
        [one for key, one in now.items() if before.get(key) != one],
    )


def _bought(first: Exposure, told: list[Told], goals_of: GoalsOf) -> Iterator[Bought]:
    """Yield the orders of a customer since they came into the experiment."""
    for order in orders_of(told, goals_of(first.experiment, first.source)) if told else ():
        event = order.event
        if order.stands and event.at >= first.at:
            yield _at(first, event.seq, event.at, event.currency, order.value)


def _at(first: Exposure, seq: int, at: datetime, currency: str, value: int) -> Bought:
    return Bought(
        exposure_id=first.id,
        seq=seq,
        at=at,
        currency=currency,
        value=value,
        age=(at - first.at) // MICROSECOND,
        months=months_old(first.at, at),
    )
