"""What is in a cart, read off what was put in and taken out."""

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


@dataclass(frozen=True)
class CartItem:
    """One line of a cart. What no event said is None."""

    product_id: str
    quantity: int = 0
    name: str | None = None
    price: Decimal | None = None
    currency: str | None = None
    image_url: str | None = None
    url: str | None = None

    @property
    def amount(self) -> Decimal | None:
        """What the line costs."""
        return None if self.price is None else self.price * self.quantity


def cart_items(events: Iterable[Event]) -> list[CartItem]:
    """The cart after ``events``, oldest first, in the order in which products first came in.

    The same product added again adds to its quantity; of its name, price, picture and link the
    latest one given counts. Taking out more than there is leaves nothing. A cart that was seen as a
    whole is as it was seen. An order empties the cart: what was bought is not waiting any more.
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
    """The line of a product after so much more of it came in."""
    line = lines.get(product.product_id) or CartItem(product.product_id)
    return replace(
        line,
        quantity=line.quantity + product.quantity,
        name=product.name or line.name,
        price=line.price if product.price is None else product.price,
        currency=product.currency or line.currency,
        image_url=product.image_url or line.image_url,
        url=product.url or line.url,
    )


def _seen(products: Iterable[Product], lines: Mapping[str, CartItem]) -> dict[str, CartItem]:
    """The lines of a cart as it was seen; what it did not say of them is still known."""
    known = {name: replace(line, quantity=0) for name, line in lines.items()}
    seen: dict[str, CartItem] = {}
    for product in products:
        seen[product.product_id] = _with(known | seen, product)
    return seen


def cart_total(items: Sequence[CartItem]) -> Decimal | None:
    """What the cart costs; None if a price is missing or currencies are mixed."""
    if len({item.currency for item in items}) > 1:
        return None
    total = Decimal(0)
    for item in items:
        if item.amount is None:
            return None
        total += item.amount
    return total
