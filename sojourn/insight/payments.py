"""The orders of an experiment's customers, by column: a report may add up a million."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sojourn.domain.measuring.attribution import MICROS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Chosen = NDArray[np.bool_]


Row = tuple[int, int, str, int, int, int]
"""An order: cohort, customer, currency, value, age, months, as `Payments` has them by column."""


@dataclass(frozen=True, eq=False)
class Payments:
    """Orders, those of a customer one after another.

    Args:
        cohort: of each, the place of its customer's cohort.
        customer: a number that stands for the customer.
        currency: the place of its currency in ``currencies``.
        value: in millionths of the currency.
        age: the time since the customer came, in microseconds.
        months: the same in whole months.
        currencies: all currencies by name; an empty one where an order says none.
    """

    cohort: "Ints"
    customer: "Ints"
    currency: "Ints"
    value: "Ints"
    age: "Ints"
    months: "Ints"
    currencies: tuple[str, ...]

    @classmethod
    def of(cls, rows: Iterable[Row]) -> "Payments":
        """Return orders by column, from rows in any order."""
        import numpy as np  # noqa: PLC0415 (heavy; loaded when a page with money is opened)

        every = sorted(rows, key=lambda row: row[1])
        currencies = tuple(sorted({row[2] for row in every}))
        places = {name: place for place, name in enumerate(currencies)}

        def column(place: int) -> Any:
            return np.array([row[place] for row in every], dtype=np.int64)

        return cls(
            cohort=column(0),
            customer=column(1),
            currency=np.array([places[row[2]] for row in every], dtype=np.int64),
            value=column(3),
            age=column(4),
            months=column(5),
            currencies=currencies,
        )

    def of_cohorts(self, values: Iterable[int]) -> "Ints":
        """Return a value for each order, from those of all cohorts by their places."""
        import numpy as np  # noqa: PLC0415 (see above)

        by_place: Ints = np.array(list(values), dtype=np.int64)
        return by_place[self.cohort]

    def buyers(self, chosen: "Chosen") -> int:
        """Return the number of customers of the chosen orders."""
        return len(_firsts(self.customer[chosen]))

    def paid(self, chosen: "Chosen", currency: str) -> list[float]:
        """Return what each customer paid in a currency by the chosen orders, in its units."""
        import numpy as np  # noqa: PLC0415 (see above)

        mine = chosen & self.pays_in(currency)
        firsts = _firsts(self.customer[mine])
        if not len(firsts):
            return []
        sums = np.add.reduceat(self.value[mine], firsts)
        return list((np.sort(sums) / MICROS).tolist())

    def pays_in(self, currency: str) -> "Chosen":
        """Return the orders that brought money in a currency."""
        code = self.currencies.index(currency) if currency in self.currencies else -1
        found: Chosen = (self.currency == code) & (self.value != 0)
        return found


def _firsts(customers: "Ints") -> "Ints":
    """Return the places at which another customer's orders begin."""
    import numpy as np  # noqa: PLC0415 (see above)

    if not len(customers):
        return customers
    return np.flatnonzero(np.diff(customers, prepend=customers[0] - 1))
