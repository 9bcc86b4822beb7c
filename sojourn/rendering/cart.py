"""A cart, derived from the events that filled and emptied it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from sojourn.domain.events import (
    CartViewed,
    Event,
    OrderCompleted,
    Product,
    ProductAdded,
    ProductRemoved,
)
from sojourn.rendering.price import Price

FOLDED = (ProductAdded, ProductRemoved, CartViewed, OrderCompleted)
"""The events that make a cart."""


@dataclass(frozen=True)
class CartItem:
    """One line of a cart. A field that no event gave is None."""

    product_id: str
    quantity: int = 0
    name: str | None = None
    price: Decimal | None = None
    currency: str | None = None
    image_url: str | None = None
    url: str | None = None

    @property
    def amount(self) -> Decimal | None:
        """The price of all pieces."""
        return None if self.price is None else self.price * self.quantity


def cart_items(events: Iterable[Event]) -> list[CartItem]:
    """Return the cart after ``events``, oldest first, in the order in which products first came in.

    Adding a product again raises its quantity; the latest name, price, picture and link count. A
    price counts with its currency.
    Removing more pieces than the cart holds removes the product. A Cart Viewed event replaces the
    cart. An order empties the cart: bought products no longer wait in it.
    """
    lines: dict[str, CartItem] = {}
    for event in events:
        match event:
            case ProductAdded():
                lines[event.product_id] = _with(lines, event)
            case ProductRemoved() if event.product_id in lines:
                line = lines[event.product_id]
                left = max(line.quantity - event.quantity, 0)
                lines[event.product_id] = replace(line, quantity=left)
            case CartViewed(products=products) if products is not None:
                lines = _seen(products, lines)
            case OrderCompleted():
                lines.clear()
            case _:
                pass
    return [line for line in lines.values() if line.quantity]


def _with(lines: Mapping[str, CartItem], product: Product) -> CartItem:
    """Return the line of a product with more pieces of it."""
    line = lines.get(product.product_id) or CartItem(product.product_id)
    price = Price(line.price, line.currency).then(product.price, product.currency)
    return replace(
        line,
        quantity=line.quantity + product.quantity,
        name=product.name or line.name,
        price=price.amount,
        currency=price.currency,
        image_url=product.image_url or line.image_url,
        url=product.url or line.url,
    )


def _seen(products: Iterable[Product], lines: Mapping[str, CartItem]) -> dict[str, CartItem]:
    """Return the lines of a viewed cart, with what earlier events told about its products."""
    known = {name: replace(line, quantity=0) for name, line in lines.items()}
    seen: dict[str, CartItem] = {}
    for product in products:
        seen[product.product_id] = _with(known | seen, product)
    return seen


def cart_total(items: Sequence[CartItem]) -> Decimal | None:
    """Return the price of the cart; None if a price is missing or currencies are mixed."""
    if len({item.currency for item in items}) > 1:
        return None
    total = Decimal(0)
    for item in items:
        if item.amount is None:
            return None
        total += item.amount
    return total
