"""A cart, derived from the events that filled and emptied it, and from what is left of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from sojourn.domain.events import (
    CartViewed,
    Event,
    OrderCompleted,
    Product,
    ProductAdded,
    ProductOutOfStock,
    ProductRemoved,
)
from sojourn.domain.keys import plain
from sojourn.domain.price import Price
from sojourn.domain.value_class import value_class

FOLDED = (ProductAdded, ProductRemoved, CartViewed, OrderCompleted, ProductOutOfStock)
"""The events that a cart is made of."""
OF_ANY_CART = (OrderCompleted,)
"""Those that say something of a cart although they name another one."""
BACK_IN_STOCK = "Product Back in Stock"
"""A wire name: the class of such an event may be the project's own."""


@value_class
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


def cart_items(
    events: Iterable[Event], concerns: Callable[[Event], bool] = lambda _: True
) -> list[CartItem]:
    """Return what is left of the cart after ``events``, in the order in which products came in.

    Adding a product again raises its quantity; the latest name, picture and link count. A price
    counts with its currency, and is left out once another one was seen: we promise no price that
    has changed. Removing more pieces than the cart holds removes the product. A Cart Viewed event
    replaces the cart. An order empties the cart: bought products no longer wait in it. A product
    that was bought with another cart is left out until it is added once more, and so is one that
    went out of stock, unless it is told to be back.

    Args:
        events: oldest first.
        concerns: tells whether an event is of this cart. The orders of others count all the same.
    """
    told = list(events)
    gone = _gone(told, concerns)
    lines = _lines(event for event in told if concerns(event))
    return [line for line in lines.values() if line.quantity and plain(line.product_id) not in gone]


def _gone(events: Iterable[Event], concerns: Callable[[Event], bool]) -> set[str]:
    """Return the products that were bought with another cart, or are out of stock."""
    bought: set[str] = set()
    sold_out: set[str] = set()
    for event in events:
        name = plain(getattr(event, "product_id", ""))
        match event:
            case ProductOutOfStock():
                sold_out.add(name)
            case OrderCompleted() if not concerns(event):
                bought.update(plain(product.product_id) for product in event.products)
            case ProductAdded() if concerns(event):
                bought.discard(name)
                sold_out.discard(name)
            case _ if event.event_name == BACK_IN_STOCK:
                sold_out.discard(name)
            case _:
                pass
    return bought | sold_out


def _lines(events: Iterable[Event]) -> dict[str, CartItem]:
    """Return the lines of a cart by its own events, also those without a piece left."""
    lines: dict[str, CartItem] = {}
    for event in events:
        about: object = event
        match about:
            case ProductAdded():
                lines[about.product_id] = with_more(about, lines.get(about.product_id))
            case ProductRemoved():
                if line := lines.get(about.product_id):
                    left = max(line.quantity - about.quantity, 0)
                    lines[about.product_id] = replace(line, quantity=left)
            case CartViewed(products=products) if products is not None:
                lines = _seen(products, lines)
            case OrderCompleted():
                lines.clear()
            case Product() if about.product_id in lines:  # looked at, watched, cheaper
                lines[about.product_id] = _seen_at(about, lines[about.product_id])
            case _:
                pass
    return lines


def with_more(product: Product, line: CartItem | None) -> CartItem:
    """Return the line of a product with more pieces of it.

    Args:
        product: the pieces, and what is told of them.
        line: what was known of the product before; None: nothing.
    """
    line = line or CartItem(product.product_id)
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


def _seen_at(product: Product, line: CartItem) -> CartItem:
    """Return a line without its price if the product was seen at another one."""
    known = Price(line.price, line.currency)
    seen = known.then(product.price, product.currency)
    return line if seen == known else replace(line, price=None, currency=None)


def _seen(products: Iterable[Product], lines: Mapping[str, CartItem]) -> dict[str, CartItem]:
    """Return the lines of a viewed cart, with what earlier events told about its products."""
    known = {name: replace(line, quantity=0) for name, line in lines.items()}
    seen: dict[str, CartItem] = {}
    for product in products:
        seen[product.product_id] = with_more(product, (known | seen).get(product.product_id))
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
