"""`Tally`: how many of so many customers did it."""

from dataclasses import dataclass

from sojourn.domain.errors import BadFigures


@dataclass(frozen=True)
class Tally:
    """Customers, and those of them who bought, clicked, stayed: each counted once.

    Args:
        hits: the customers who did.
        customers: all of them, those who did included.

    Raises:
        BadFigures: there are no customers, or less than none who did, or more than all.
    """

    hits: int
    customers: int

    def __post_init__(self) -> None:
        if self.customers < 1:
            raise BadFigures(
                f"a rate of {self.customers} customers: there is none before the first customer"
            )
        if not 0 <= self.hits <= self.customers:
            raise BadFigures(
                f"{self.hits} of {self.customers} customers: count each customer at most once"
            )

    @property
    def rate(self) -> float:
        """The share of those who did."""
        return self.hits / self.customers
