"""The way of a parcel, step by step, for the journeys that follow it."""

from datetime import datetime, timedelta

from sojourn import hours
from sojourn.events import DeliveryFailed, Event, OrderDelivered, OrderShipped, OutForDelivery

STATUSES = (OrderShipped, OutForDelivery, DeliveryFailed, OrderDelivered)
"""The news of a parcel, in the order of its way."""
ANOTHER_ATTEMPT = hours(1)
"""A van that sets out so long after a failure makes another attempt."""


def is_later(status: Event, than: Event) -> bool:
    """Tell whether a status comes after another one on a parcel's way.

    Carriers' clocks and lines cannot be relied on: the way decides, not the moment. One thing
    leads back: after a failure the parcel may be out for delivery once more.
    """
    if isinstance(than, DeliveryFailed) and isinstance(status, OutForDelivery):
        return status.occurred_at > than.occurred_at + ANOTHER_ATTEMPT
    return STATUSES.index(type(status)) > STATUSES.index(type(than))


def true_until(status: Event, useful_for: timedelta) -> datetime:
    """Return the moment from which on a status is no news any more, or its hour is past."""
    until = status.occurred_at + useful_for
    if isinstance(status, OutForDelivery) and status.arrives_until:
        return min(until, status.arrives_until)
    return until
