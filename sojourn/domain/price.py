"""A price: an amount and its currency, which mean something only together."""

from decimal import Decimal
from typing import NamedTuple


class Price(NamedTuple):
    """An amount in a currency. A part that no event gave is None."""

    amount: Decimal | None = None
    currency: str | None = None

    def then(self, amount: Decimal | None, currency: str | None) -> "Price":
        """Return the price after an event that says this much of it.

        Both parts are replaced together. An event that says one part says the price only if the
        other part cannot be another one now: the same amount has kept its currency, and the same
        currency its amount. Else the part that it does not say is unknown: 40 euros are not 40
        crowns because a cart is shown in crowns.

        Args:
            amount: None if the event names none.
            currency: None if the event names none.
        """
        if amount is None and currency is None:
            return self
        if amount is None:
            return self if currency == self.currency else Price(None, currency)
        if currency is None:
            return self if amount == self.amount else Price(amount, None)
        return Price(amount, currency)
