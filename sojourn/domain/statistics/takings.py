"""`Takings`: what a group of customers paid, in one currency.

Amounts of two currencies are never added: a group has takings for each, and each has figures of its
own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from math import fsum, isfinite

from sojourn.domain.errors import BadFigures


@dataclass(frozen=True)
class Takings:
    """The money of a group: what each paying customer paid, and how many customers there are.

    Args:
        currency: of all amounts: ``EUR``.
        customers: all of the group, those who paid nothing included.
        amounts: what each customer who paid has paid in total, in any order. Less than 0 where more
            was paid back.

    Raises:
        BadFigures: there are no customers, or fewer than amounts; or an amount is not a number.
    """

    currency: str
    customers: int
    amounts: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.currency:
            raise BadFigures("takings need a currency, such as EUR")
        if self.customers < 1:
            raise BadFigures(
                f"a mean of {self.customers} customers: there is none before the first customer"
            )
        if len(self.amounts) > self.customers:
            raise BadFigures(
                f"{len(self.amounts)} amounts of {self.customers} customers: "
                "give one a customer, the sum of what they paid"
            )
        if not all(map(isfinite, self.amounts)):
            raise BadFigures(f"an amount in {self.currency} is not a finite number")

    @cached_property
    def mean(self) -> float:
        """The revenue per customer, those who paid nothing included."""
        return fsum(self.amounts) / self.customers

    @cached_property
    def variance(self) -> float:
        """The sample variance of a customer's revenue; 0 if there is only one customer."""
        if self.customers == 1:
            return 0.0
        mean = self.mean
        none = self.customers - len(self.amounts)
        squares = fsum((amount - mean) ** 2 for amount in self.amounts) + none * mean**2
        return squares / (self.customers - 1)


def takings(currency: str, customers: int, amounts: Iterable[Decimal | float]) -> Takings:
    """Return the takings of a group from amounts as the store has them.

    Args:
        currency: of all amounts: ``EUR``.
        customers: all of the group, those who paid nothing included.
        amounts: what each customer who paid has paid in total.

    Returns:
        The takings, in an order of their own: the same rows give the same figures in any order.
    """
    return Takings(currency, customers, tuple(sorted(float(amount) for amount in amounts)))


def check_one_currency(ours: Takings, theirs: Takings) -> None:
    """Refuse to compare two currencies.

    Raises:
        BadFigures: they are two.
    """
    if ours.currency != theirs.currency:
        raise BadFigures(
            f"{ours.currency} is not comparable with {theirs.currency}: compare each currency alone"
        )
