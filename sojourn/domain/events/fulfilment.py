"""Events of an order's way to the customer.

Segment's specification ends with the order; shops and carriers name these differently. An order may
come in several parcels: an event that has a tracking number is about that parcel, and one without
is about the order as a whole.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from sojourn.domain.events.base import Event
from sojourn.domain.events.care import CaseEvent
from sojourn.domain.events.fields import Identifier, Key, Moment, Personal, Zone
from sojourn.domain.events.shop import Product
from sojourn.domain.keys import joined, plain

ANOTHER_ATTEMPT = timedelta(hours=1)
"""A van that sets out so long after a failure makes another attempt."""


class ParcelEvent(Event, name=""):
    """A status of a parcel; without a tracking number, of the order as a whole."""

    stage: ClassVar[int] = 0
    """Its place on a parcel's way."""

    order_id: Identifier
    tracking_number: Key | None = None

    def is_later(self, than: "ParcelEvent") -> bool:
        """Tell whether it comes after another status on a parcel's way.

        Carriers' clocks and lines cannot be relied on: the way decides, not the moment. One
        thing leads back: after a failure the parcel may be out for delivery once more.
        """
        if isinstance(than, DeliveryFailed) and isinstance(self, OutForDelivery):
            return self.occurred_at > than.occurred_at + ANOTHER_ATTEMPT
        return self.stage > than.stage


class OrderShipped(ParcelEvent, name="Order Shipped"):
    """An order was handed to a carrier."""

    stage = 1

    carrier: Personal = None
    tracking_url: Personal = None
    expected_at: Moment | None = None
    timezone: Zone | None = None


class OutForDelivery(ParcelEvent, name="Out for Delivery"):
    """An order is in the van and arrives today, in a span of time if the carrier tells one."""

    stage = 2

    carrier: Personal = None
    tracking_url: Personal = None
    arrives_from: Moment | None = None
    arrives_until: Moment | None = None
    timezone: Zone | None = None


class DeliveryFailed(ParcelEvent, name="Delivery Failed"):
    """An order could not be handed over."""

    stage = 3

    carrier: Personal = None
    tracking_url: Personal = None
    reason: Personal = None
    pickup_at: Personal = None
    next_attempt_at: Moment | None = None
    timezone: Zone | None = None


class OrderDelivered(ParcelEvent, name="Order Delivered"):
    """An order reached the customer, or the place where they wanted it."""

    stage = 4

    products: tuple[Product, ...] = ()
    left_at: Personal = None


class OrderDelayed(CaseEvent, name="Order Delayed"):
    """An order, or a parcel of it, will be later than promised; ``expected_at`` is the new day."""

    order_id: Identifier
    tracking_number: Key | None = None
    expected_at: Moment | None = None
    timezone: Zone | None = None
    reason: Personal = None

    @classmethod
    def case_of(cls, values: Mapping[str, Any]) -> str:
        """Return the delay of this order or parcel; it is settled once that has come."""
        order = plain(values.get("order_id"))
        return plain(joined(f"delay-{order}", values.get("tracking_number"))) if order else ""
