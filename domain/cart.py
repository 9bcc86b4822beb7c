"""What is in a cart, read off what was put in and taken out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from domain.events import Event, OrderCompleted, ProductAdded, ProductRemoved


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
    latest one given counts. Taking out more than there is leaves nothing. An order empties the
    cart: what was bought is not waiting any more.
    """
    lines: dict[str, CartItem] = {}
    for event in events:
        match event:
            case ProductAdded():
                line = lines.get(event.product_id) or CartItem(event.product_id)
                lines[event.product_id] = replace(
                    line,
                    quantity=line.quantity + event.quantity,
                    name=event.name or line.name,
                    price=line.price if event.price is None else event.price,
                    currency=event.currency or line.currency,
                    image_url=event.image_url or line.image_url,
                    url=event.url or line.url,
                )
            case ProductRemoved() if event.product_id in lines:
                line = lines[event.product_id]
                left = max(line.quantity - event.quantity, 0)
                lines[event.product_id] = replace(line, quantity=left)
            case OrderCompleted():
                lines.clear()
            case _:
                pass
    return [line for line in lines.values() if line.quantity]


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
