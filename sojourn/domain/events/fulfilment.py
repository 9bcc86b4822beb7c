"""Events of an order's way to the customer."""

from sojourn.domain.events.base import Event
from sojourn.domain.events.fields import Identifier
from sojourn.domain.events.shop import Product


class OrderDelivered(Event, name="Order Delivered"):
    """An order reached the customer."""

    order_id: Identifier
    products: tuple[Product, ...] = ()
