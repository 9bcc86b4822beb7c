"""The way of a parcel, step by step, for the journeys that follow it."""

from datetime import datetime, timedelta

from sojourn.events import (
    DeliveryFailed,
    OrderDelivered,
    OrderShipped,
    OutForDelivery,
    ParcelEvent,
)

STATUSES = (OrderShipped, OutForDelivery, DeliveryFailed, OrderDelivered)
"""The news of a parcel, in the order of its way."""


def true_until(status: ParcelEvent, useful_for: timedelta) -> datetime:
    """Return the moment from which on a status is no news any more, or its hour is past."""
    until = status.occurred_at + useful_for
    if isinstance(status, OutForDelivery) and status.arrives_until:
        return min(until, status.arrives_until)
    return until
