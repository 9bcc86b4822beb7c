"""The goods of the made-up shop, and their prices."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class Good:
    """A product.

    Args:
        product_id: its id.
        name: its name.
        category: its category.
        price: its price in euros.
    """

    product_id: str
    name: str
    category: str
    price: Decimal

    def line(self, currency: str, quantity: int = 1) -> dict[str, Any]:
        """Return the product as a line of a cart or an order."""
        return {
            "product_id": self.product_id,
            "name": self.name,
            "category": self.category,
            "price": str(self.costs(currency)),
            "currency": currency,
            "quantity": quantity,
        }

    def costs(self, currency: str, *, off: int = 0) -> Decimal:
        """Return the price in a currency, to the cent.

        Args:
            currency: a currency of `RATES`.
            off: the discount in percent.
        """
        return (self.price * RATES[currency] * (100 - off) / 100).quantize(Decimal("0.01"))


RATES = {"EUR": Decimal(1), "GBP": Decimal("0.86"), "PLN": Decimal("4.30")}
"""The price of a euro in each currency, roughly."""

GOODS = (
    Good("lamp", "Reading lamp", "lighting", Decimal("49.90")),
    Good("rug", "Wool rug", "textiles", Decimal("129.00")),
    Good("kettle", "Kettle", "kitchen", Decimal("39.50")),
    Good("knife", "Chef's knife", "kitchen", Decimal("64.00")),
    Good("desk", "Oak desk", "furniture", Decimal("389.00")),
    Good("chair", "Desk chair", "furniture", Decimal("219.00")),
    Good("plant", "Olive tree", "garden", Decimal("34.00")),
    Good("blanket", "Linen blanket", "textiles", Decimal("89.00")),
)
