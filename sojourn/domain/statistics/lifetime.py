"""Lifetime value: what customers have paid by each age, treated against held out.

The age of a customer counts from their entry. A figure for an age covers only customers who have
reached it, and what each had paid by then: younger customers, who could not have paid as much yet,
neither lower it nor are guessed at. So each age has customers of its own, fewer as it rises.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache

from sojourn.domain.calendar_days import Months
from sojourn.domain.errors import BadFigures
from sojourn.domain.statistics.confidence import USUAL
from sojourn.domain.statistics.interval import Interval
from sojourn.domain.statistics.means import TooFewPaid, between, mean
from sojourn.domain.statistics.takings import Takings, takings

LONGEST = 120
"""Months of a lifetime that are told."""


@dataclass(frozen=True)
class Life:
    """A customer's payments since they entered, in one currency.

    Args:
        entered: when the journey or the experiment began for them.
        payments: moments and amounts, in any order; amounts that were paid back are below 0.
            Payments before the entry do not count.
        alike: the number of customers whose life this is; more than one only where nothing was
            paid.
    """

    entered: datetime
    payments: tuple[tuple[datetime, Decimal | float], ...] = ()
    alike: int = 1


@dataclass(frozen=True)
class AtAge:
    """The money that a customer had paid by an age.

    Args:
        months: the age.
        customers: the treated and the held out who have reached it.
        treated: the revenue per customer of the treated.
        held_out: that of the held out.
        difference: how much more a customer of the treated has paid.
    """

    months: int
    customers: tuple[int, int]
    treated: Interval | TooFewPaid
    held_out: Interval | TooFewPaid
    difference: Interval | TooFewPaid


def lifetime_value(
    treated: Sequence[Life],
    held_out: Sequence[Life],
    *,
    currency: str,
    now: datetime,
    months: int = 12,
    confidence: float = USUAL,
) -> list[AtAge]:
    """Return what customers had paid by each age that some of both groups have reached.

    Args:
        treated: the lives of those who were to get the messages.
        held_out: those of the others.
        currency: of all payments.
        now: the moment up to which payments are known, with its zone.
        months: the highest age.
        confidence: how often an interval holds the truth, for each age by itself.

    Returns:
        One row a month of age, from 1 on. Months are those of the calendar, in UTC.

    Raises:
        BadFigures: ``months`` is not 1 to `LONGEST`.
    """
    check_months(months)
    ours, theirs = (_by_age(lives, currency, now, months) for lives in (treated, held_out))
    return compared_by_age(ours, theirs, confidence)


def check_months(months: int) -> None:
    """Refuse an age of which nothing is told.

    Raises:
        BadFigures: ``months`` is not 1 to `LONGEST`.
    """
    if not 1 <= months <= LONGEST:
        raise BadFigures(f"a lifetime of {months} months: give 1 to {LONGEST}")


def compared_by_age(
    treated: Iterable[Takings], held_out: Iterable[Takings], confidence: float = USUAL
) -> list[AtAge]:
    """Return what customers had paid by each age, as far as both groups have reached it.

    Args:
        treated: what those of them who have reached an age had paid by then, from 1 month on.
        held_out: the same of the others.
        confidence: how often an interval holds the truth, for each age by itself.

    Returns:
        One row a month of age.
    """
    rows = []
    for age, both in enumerate(zip(treated, held_out, strict=False), 1):
        # a group that has not reached an age has reached no higher one: the shorter list ends it
        paid, theirs_paid = (mean(one, confidence) for one in both)
        customers = (both[0].customers, both[1].customers)
        rows.append(AtAge(age, customers, paid, theirs_paid, between(paid, theirs_paid)))
    return rows


def months_old(entered: datetime, at: datetime) -> int:
    """Return the whole months from a customer's entry to a later moment, by UTC."""
    since, day = entered.astimezone(UTC), at.astimezone(UTC)
    months = 12 * (day.year - since.year) + day.month - since.month
    return months if _birthday(entered, months) <= at else months - 1


def _by_age(lives: Iterable[Life], currency: str, now: datetime, months: int) -> list[Takings]:
    """Return the takings by each age of those who have reached it, as far as somebody has."""
    customers = [0] * months
    amounts: list[list[Decimal]] = [[] for _ in range(months)]
    for life in lives:
        paid = sorted((at, Decimal(str(one))) for at, one in life.payments if at >= life.entered)
        total, place = Decimal(0), 0
        for age in range(months):
            reached = _birthday(life.entered, age + 1)
            if reached > now:
                break
            customers[age] += life.alike
            while place < len(paid) and paid[place][0] < reached:
                total += paid[place][1]
                place += 1
            if place:
                amounts[age].append(total)
    every = zip(customers, amounts, strict=True)
    return [takings(currency, number, some) for number, some in every if number]


def _birthday(entered: datetime, age: int) -> datetime:
    """Return the moment at which a customer is so many months old."""
    at = entered.astimezone(UTC)
    return datetime.combine(_later(at.date(), age), at.timetz())


@lru_cache(maxsize=LONGEST * 400)
def _later(day: date, age: int) -> date:
    """Return the day so many months later; thousands of customers come on one day."""
    return Months(age)(day)
