"""Shopify's fulfillments: each of their parcels becomes an event, with the number that it has.

A fulfillment is a part of an order that left together. It may be several parcels, and then it has
several tracking numbers and one state. It names its order, and no customer.
"""

from datetime import datetime
from types import MappingProxyType
from typing import Any

from sojourn.domain.made_ids import made_id
from sojourn.gateway.webhooks.calls import track
from sojourn.gateway.webhooks.shops.bodies import read_body
from sojourn.gateway.webhooks.shops.shopify_bodies import Fulfillment, FulfillmentEvent
from sojourn.gateway.webhooks.source import Call, Depending, Nothing

_PARCEL = "shopify/parcel"
SHIPPED = "Order Shipped"
DELIVERED = "Order Delivered"
DELAYED = "Order Delayed"
STATES = MappingProxyType(
    {
        None: SHIPPED,
        "label_purchased": SHIPPED,
        "label_printed": SHIPPED,
        "confirmed": SHIPPED,
        "carrier_picked_up": SHIPPED,
        "in_transit": SHIPPED,
        "out_for_delivery": "Out for Delivery",
        "attempted_delivery": "Delivery Failed",
        "failure": "Delivery Failed",
        "delivered": DELIVERED,
    }
)
"""The events that the states of a shipment amount to; another state amounts to none."""
ONCE = (SHIPPED, DELIVERED)
"""Events that a parcel has once. Another may come again, on another day."""
LEFT = "success"
"""The status of a fulfillment that has left; another one is still made, or was given up."""


def fulfillment(body: Any, received_at: datetime) -> list[Call | Depending] | Nothing:
    """Read ``fulfillments/create``, ``fulfillments/update``: a status of each of its parcels."""
    found = read_body(Fulfillment, body)
    event = STATES.get(found.shipment_status)
    if (found.status or LEFT) != LEFT or event is None:
        return Nothing("this state of a fulfillment is no news for its customer")
    changed = found.updated_at or received_at
    at = (found.created_at or changed) if event == SHIPPED else changed
    day = () if event in ONCE else (f"{at:%Y-%m-%d}",)
    return [
        Depending(
            track(
                event,
                user="",
                message_id=made_id(_PARCEL, found.id, number or "", event, *day),
                at=at,
                properties={
                    "order_id": found.order_id,
                    "tracking_number": number,
                    "carrier": None if event == DELIVERED else found.tracking_company,
                    "tracking_url": None if event == DELIVERED else link,
                },
            ),
            customer_of=made_id("shopify/order", found.order_id),
            of="order_id",
        )
        for number, link in _parcels(found).items()
    ]


def fulfillment_event(body: Any, received_at: datetime) -> list[Call | Depending] | Nothing:
    """Read ``fulfillment_events/create``: a status of each parcel of a fulfillment.

    It names no tracking number: the parcels are those that the fulfillment was told with.
    """
    found = read_body(FulfillmentEvent, body)
    status = found.status.lower()
    event = DELAYED if status == "delayed" else STATES.get(status)
    if event is None:
        return Nothing("this status of a fulfillment is no news for its customer")
    at = found.happened_at or found.created_at or received_at
    day = () if event in ONCE else (f"{at:%Y-%m-%d}",)
    expected = found.estimated_delivery_at if event in (SHIPPED, DELAYED) else None
    return [
        Depending(
            track(
                event,
                user="",
                message_id=made_id(event, *day),
                at=at,
                properties={
                    "order_id": found.order_id,
                    "expected_at": expected and expected.isoformat(),
                },
            ),
            customer_of=made_id("shopify/order", found.order_id),
            of="order_id",
            parts_of=made_id(_PARCEL, found.fulfillment_id),
            part="tracking_number",
            thing="fulfillment_id",
        )
    ]


def _parcels(found: Fulfillment) -> dict[str | None, str | None]:
    """Return the numbers of a fulfillment, each with its link; None if there is no number."""
    numbers = dict.fromkeys(filter(None, (*found.tracking_numbers, found.tracking_number)))
    links = [*found.tracking_urls] or [found.tracking_url]
    if len(numbers) <= 1:
        return dict.fromkeys(numbers or [None], next(filter(None, links), None))
    if len(links) != len(numbers):  # nobody knows whose they are
        links = [None] * len(numbers)
    return dict(zip(numbers, links, strict=True))
