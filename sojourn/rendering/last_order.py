"""The order that a customer means who only asks "where is my order?", and where it is.

A machine answers only if it can be sure. It cannot know which of two orders on their way is meant,
and knows too little of one that is silent for too long, was late or could not be handed over. All
of that is for a person.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sojourn.domain.events import (
    DeliveryFailed,
    Event,
    OrderCompleted,
    OrderDelayed,
    OrderDelivered,
    OrderShipped,
    OutForDelivery,
)
from sojourn.domain.keys import plain
from sojourn.domain.links import web_url
from sojourn.rendering.order import order_after
from sojourn.rendering.parcel import number, parcel_after
from sojourn.rendering.words import clean

TELLS = (
    OrderCompleted, OrderShipped, OutForDelivery, DeliveryFailed, OrderDelivered, OrderDelayed
)  # fmt: skip
"""The events that tell what became of an order."""
Way = OrderShipped | OutForDelivery | DeliveryFailed | OrderDelivered
SAYS: Mapping[type[Event], str] = {
    OrderShipped: "shipped",
    OutForDelivery: "out_for_delivery",
    OrderDelivered: "delivered",
}
TRUE_FOR: Mapping[type[Event], timedelta] = {
    OrderShipped: timedelta(days=14),
    OutForDelivery: timedelta(hours=24),
    OrderDelivered: timedelta(days=14),
}
"""After that, a status is no answer any more."""
FORGOTTEN_AFTER = timedelta(days=60)
"""An order that nothing was heard of for this time is no longer on its way."""


@dataclass(frozen=True)
class LastOrder:
    """The order that a customer asks about, as templates see it.

    Args:
        order_id: as the shop writes it.
        status: ``shipped``, ``out_for_delivery`` or ``delivered``.
        at: when it reached that status.
        tracking_url: where it can be followed; safe to print.
        timezone: the clocks of the place that it goes to; empty: those of the customer.
        expected_at: the day on which it is expected; None: nobody tells, or it is past.
        left_at: the place where it was left.
    """

    order_id: str
    status: str
    at: datetime
    tracking_url: str = ""
    timezone: str = ""
    expected_at: datetime | None = None
    left_at: str = ""

    def safe(self, base: str) -> "LastOrder":
        """Return it with words and a link that are safe to print.

        Args:
            base: the shop's address, for a link that is a path.
        """
        link = web_url(self.tracking_url, base)
        return replace(self, tracking_url=link, left_at=clean(self.left_at))


def last_order(events: Iterable[Event], now: datetime) -> LastOrder | None:
    """Return the order that is on its way, if there is one; else the one that arrived last.

    Args:
        events: of any kind, oldest first.
        now: the present moment.

    Returns:
        The order; None if it is not certain which one is meant, or where it is.
    """
    told = list(events)
    orders: dict[str, list[Event]] = defaultdict(list)
    for event in told:
        if isinstance(event, TELLS):
            orders[plain(event.order_id)].append(event)
    kept = [own for order, own in orders.items() if not order_after(told, order).is_off]
    open_ones = [own for own in kept if not _has_arrived(own)]
    on_the_way = [own for own in open_ones if own[-1].occurred_at > now - FORGOTTEN_AFTER]
    if len(on_the_way) > 1:
        return None
    arrived = sorted((own for own in kept if own not in open_ones), key=_arrival)
    meant = on_the_way or arrived[-1:]
    return _standing(meant[0], now) if meant else None


def _standing(own: Sequence[Event], now: datetime) -> LastOrder | None:
    """Return where an order is; None if that is not certain."""
    way = [event for event in own if isinstance(event, Way)]
    if not way:
        return None
    links = {link for event in way if (link := getattr(event, "tracking_url", None))}
    numbers = {number(event) for event in way} - {""}
    if len(links) > 1 or len(numbers) > 1:  # parcels, which may be at several places
        return None
    last = _latest(way)
    late = [e for e in own if isinstance(e, OrderDelayed) and e.occurred_at > last.occurred_at]
    if isinstance(last, DeliveryFailed) or late or last.occurred_at <= now - TRUE_FOR[type(last)]:
        return None
    parcel = parcel_after(way, last.order_id, last)
    expected = parcel.expected_at
    return LastOrder(
        order_id=last.order_id,
        status=SAYS[type(last)],
        at=last.occurred_at,
        tracking_url=parcel.tracking_url,
        timezone=parcel.timezone,
        expected_at=expected if expected and expected > now else None,
        left_at=parcel.left_at,
    )


def _latest(way: Sequence[Way]) -> Way:
    """Return the status that counts, by the way itself: carriers' clocks cannot be relied on."""
    arrived = [event for event in way if isinstance(event, OrderDelivered)]
    tried = [event for event in way if isinstance(event, OutForDelivery | DeliveryFailed)]
    return arrived[0] if arrived else (tried or way)[-1]


def _has_arrived(own: Sequence[Event]) -> bool:
    """Tell whether an order has come: as a whole, or each parcel that is known of it."""
    arrived = {number(event) for event in own if isinstance(event, OrderDelivered)}
    parcels = {number(event) for event in own if isinstance(event, Way)} - {""}
    return "" in arrived or (bool(arrived) and parcels <= arrived)


def _arrival(own: Sequence[Event]) -> datetime:
    return min(event.occurred_at for event in own if isinstance(event, OrderDelivered))
