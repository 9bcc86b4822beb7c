"""A parcel, derived from the events of an order's way: what the newest of them says of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sojourn.domain.events import (
    DeliveryFailed,
    Event,
    OrderDelivered,
    OrderShipped,
    OutForDelivery,
)
from sojourn.domain.keys import plain
from sojourn.domain.links import web_url
from sojourn.rendering.words import clean

WAY = (OrderShipped, OutForDelivery, DeliveryFailed, OrderDelivered)
"""The events that tell where a parcel is."""
LASTING = ("carrier", "tracking_url", "timezone")
MOMENTS = ("expected_at", "arrives_from", "arrives_until", "next_attempt_at")
TOLD_ONCE = ("reason", "pickup_at", "left_at")


@dataclass(frozen=True)
class Parcel:
    """A parcel, as templates see it. A field that no event gave is empty or None.

    Args:
        carrier: who brings it.
        tracking_url: where it can be followed; safe to print.
        timezone: the clocks of the place that it goes to; empty: those of the customer.
        expected_at: the day on which it is expected.
        arrives_from: the beginning of the span in which it arrives.
        arrives_until: its end.
        next_attempt_at: the day on which the carrier comes again.
        reason: why it could not be handed over, in the carrier's words.
        pickup_at: the place where it waits.
        left_at: the place where it was left.
    """

    carrier: str = ""
    tracking_url: str = ""
    timezone: str = ""
    expected_at: datetime | None = None
    arrives_from: datetime | None = None
    arrives_until: datetime | None = None
    next_attempt_at: datetime | None = None
    reason: str = ""
    pickup_at: str = ""
    left_at: str = ""

    def safe(self, base: str) -> "Parcel":
        """Return the parcel with words and a link that are safe to print.

        Args:
            base: the shop's address, for a link that is a path.
        """
        return replace(
            self,
            carrier=clean(self.carrier),
            tracking_url=web_url(self.tracking_url, base),
            reason=clean(self.reason),
            pickup_at=clean(self.pickup_at),
            left_at=clean(self.left_at),
        )


def parcel_after(events: Iterable[Event], order_id: str, newest: Event) -> Parcel:
    """Return the parcel of an order.

    Its carrier and the link to follow it stay true until another event says otherwise. An hour, a
    reason and a place are those of one event alone: the second attempt has nothing of the first.

    Args:
        events: of any kind, oldest first.
        order_id: which order.
        newest: the event that the message is about.

    Returns:
        The parcel; an order that nobody has shipped has an empty one.
    """
    own = [one for one in events if isinstance(one, WAY) and plain(one.order_id) == plain(order_id)]
    moments: dict[str, datetime | None] = {name: getattr(newest, name, None) for name in MOMENTS}
    words: dict[str, str] = {name: getattr(newest, name, None) or "" for name in TOLD_ONCE}
    lasting = {name: _last(own, name) for name in LASTING}
    return Parcel(**lasting, **moments, **words)  # type: ignore[arg-type]


def _last(events: Sequence[Event], name: str) -> str:
    """Return the newest value of a field that is not empty."""
    return next((value for one in reversed(events) if (value := getattr(one, name, None))), "")
