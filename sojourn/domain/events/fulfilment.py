"""Events of an order's way to the customer.

Segment's specification ends with the order; shops and carriers name these differently. An order may
come in several parcels: what is true of one of them is told of the order.
"""

from collections.abc import Mapping
from typing import Any

from sojourn.domain.events.base import Event
from sojourn.domain.events.care import CaseEvent
from sojourn.domain.events.fields import Identifier, Moment, Personal, Zone
from sojourn.domain.events.shop import Product
from sojourn.domain.keys import plain


class OrderShipped(Event, name="Order Shipped"):
    """An order was handed to a carrier."""

    order_id: Identifier
    carrier: Personal = None
    tracking_url: Personal = None
    expected_at: Moment | None = None
    timezone: Zone | None = None


class OutForDelivery(Event, name="Out for Delivery"):
    """An order is in the van and arrives today, in a span of time if the carrier tells one."""

    order_id: Identifier
    carrier: Personal = None
    tracking_url: Personal = None
    arrives_from: Moment | None = None
    arrives_until: Moment | None = None
    timezone: Zone | None = None


class DeliveryFailed(Event, name="Delivery Failed"):
    """An order could not be handed over."""

    order_id: Identifier
    carrier: Personal = None
    tracking_url: Personal = None
    reason: Personal = None
    pickup_at: Personal = None
    next_attempt_at: Moment | None = None
    timezone: Zone | None = None


class OrderDelivered(Event, name="Order Delivered"):
    """An order reached the customer, or the place where they wanted it."""

    order_id: Identifier
    products: tuple[Product, ...] = ()
    left_at: Personal = None


class OrderDelayed(CaseEvent, name="Order Delayed"):
    """An order will be later than promised; ``expected_at`` is the new day."""

    order_id: Identifier
    expected_at: Moment | None = None
    timezone: Zone | None = None
    reason: Personal = None

    @classmethod
    def case_of(cls, values: Mapping[str, Any]) -> str:
        """Return the delay of this order; it is settled once the order has come."""
        order = plain(values.get("order_id"))
        return f"delay-{order}" if order else ""
