"""An order, derived from its events: what the customer has of it, and has kept."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from sojourn.domain.events import (
    Event,
    OrderCancelled,
    OrderCompleted,
    OrderDelivered,
    OrderRefunded,
    Product,
    ProductReviewed,
)
from sojourn.domain.events.base import value_of
from sojourn.domain.keys import plain
from sojourn.domain.value_class import value_class
from sojourn.rendering.cart import CartItem

KNOWN_FOR = timedelta(days=90)
"""The time for which a customer who has bought a product needs no word on how to use it."""
AMOUNTS = ("total", "subtotal", "shipping", "tax", "discount")


@value_class
class OrderItem(CartItem):
    """One product of an order. A field that no event gave is None.

    Args:
        category: as the shop names it.
        is_known: whether an order of the `KNOWN_FOR` before had it, too.
    """

    category: str | None = None
    is_known: bool = False


@value_class
class Order:
    """An order, as templates see it.

    Args:
        order_id: as the shop writes it.
        items: what the customer has kept: without what was returned.
        is_reviewed: whether the customer has reviewed the order, or a product of it.
        was_returned: whether something of it was returned, or all of it cancelled.
        is_off: whether it was cancelled, or given back as a whole.
        total, subtotal, shipping, tax, discount: amounts in `currency`, as its newest placing tells
            them; all None where that names no currency.
        currency: of these amounts.
        address: where it goes.
    """

    order_id: str
    items: tuple[OrderItem, ...] = ()
    is_reviewed: bool = False
    was_returned: bool = False
    is_off: bool = False
    total: Decimal | None = None
    subtotal: Decimal | None = None
    shipping: Decimal | None = None
    tax: Decimal | None = None
    discount: Decimal | None = None
    currency: str | None = None
    address: str = ""


def order_after(events: Iterable[Event], order_id: str, elsewhere: Iterable[Event] = ()) -> Order:
    """Return an order after ``events``, in whatever order these came in.

    The newest Order Completed that lists products says what was ordered; without one, the Order
    Delivered events do. A refund that names products takes these away; one that names none, or none
    that was ordered, takes everything, and so does a cancellation.

    Args:
        events: of any kind, oldest first.
        order_id: which order.
        elsewhere: the customer's other orders: they tell what was bought before.

    Returns:
        What the customer has of it.
    """
    named = plain(order_id)
    own = [event for event in events if _is_about(event, named)]
    placed = [e.products for e in own if isinstance(e, OrderCompleted) and e.products]
    came = [line for e in own if isinstance(e, OrderDelivered) for line in e.products]
    ordered = _lines(placed[-1] if placed else came)
    kept, returned, whole = dict(ordered), False, False
    for event in own:
        if isinstance(event, OrderCancelled | OrderRefunded):
            returned = True
            back = _lines(event.products) if isinstance(event, OrderRefunded) else {}
            whole = whole or not back
            if not back.keys() & ordered.keys():
                kept = {}
            kept = {id_: left for id_, one in kept.items() if (left := _less(one, back.get(id_)))}
    reviewed = any(
        plain(value_of(event, "order_id")) or plain(value_of(event, "product_id")) in ordered
        for event in own
        if _is_review(event)
    )
    is_off = whole or bool(ordered and not kept)
    paid = next((e for e in reversed(own) if isinstance(e, OrderCompleted) and e.currency), None)
    known = _bought_before(own, elsewhere)
    currency = paid.currency if paid else None
    items = tuple(
        [
            _in_order(item, currency, is_known=plain(item.product_id) in known)
            for item in kept.values()
        ]
    )
    amounts = {name: getattr(paid, name, None) for name in AMOUNTS}
    address = (e.shipping_address for e in reversed(own) if isinstance(e, OrderCompleted))
    return Order(
        order_id,
        items,
        is_reviewed=reviewed,
        was_returned=returned,
        is_off=is_off,
        currency=currency,
        address=next(filter(None, address), ""),
        **amounts,
    )


def _in_order(item: OrderItem, currency: str | None, *, is_known: bool) -> OrderItem:
    """Return a line as its order has it; without a currency of its own it has the order's."""
    own = item.currency or currency if currency else item.currency
    if own == item.currency and is_known == item.is_known:
        return item
    return replace(item, currency=own, is_known=is_known)


def _bought_before(own: Iterable[Event], elsewhere: Iterable[Event]) -> set[str]:
    """Return the products that the customer's orders of the time before an order had."""
    began = min(
        (one.occurred_at for one in own if isinstance(one, OrderCompleted | OrderDelivered)),
        default=None,
    )
    if began is None:
        return set()
    return {
        plain(product.product_id)
        for other in elsewhere
        if isinstance(other, OrderCompleted) and began - KNOWN_FOR <= other.occurred_at < began
        for product in other.products
    }


def _is_about(event: Event, order_id: str) -> bool:
    """Tell whether an event is about this order; a review may name a product alone.

    Args:
        event: what happened.
        order_id: the order's, in its plain form.
    """
    said = plain(value_of(event, "order_id"))
    return said == order_id or (not said and _is_review(event))


def _is_review(event: Event) -> bool:
    # by its name: a project may have had a class of its own before ours shipped
    return event.event_name == ProductReviewed.event_name


def _lines(products: Iterable[Product]) -> dict[str, OrderItem]:
    found: dict[str, OrderItem] = {}
    for product in products:
        id_ = plain(product.product_id)
        before = found.get(id_)
        found[id_] = OrderItem(
            product.product_id,
            product.quantity + (before.quantity if before else 0),
            product.name,
            product.price,
            product.currency,
            product.image_url,
            product.url,
            product.category,
        )
    return {id_: item for id_, item in found.items() if item.quantity}


def _less(item: OrderItem, returned: OrderItem | None) -> OrderItem | None:
    """Return what is left of a line; None if nothing is."""
    left = item.quantity - (returned.quantity if returned else 0)
    return replace(item, quantity=left) if left > 0 else None
