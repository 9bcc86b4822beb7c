"""A parcel, derived from the events of an order's way: what the newest of them says of it.

An order may come in several parcels, and a status may be told of one of them, by its tracking
number, or of the order as a whole. A shop and a carrier tell the same twice in these two ways, so
`was_told` finds out whether the customer knows a status already.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sojourn.domain.events import Event, OrderDelivered, ParcelEvent
from sojourn.domain.keys import plain
from sojourn.domain.links import web_url
from sojourn.rendering.words import clean

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
        tracking_number: its number; empty where the message is about the order as a whole.
        is_one_of_several: whether the message is about a parcel of several that are known.
        was_told: whether the customer knows the status of the message: one of the order as a whole
            has told it of this parcel, or those of all its parcels have told it of the order.
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
    tracking_number: str = ""
    is_one_of_several: bool = False
    was_told: bool = False

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
            tracking_number=clean(self.tracking_number),
        )


def parcel_after(
    events: Iterable[Event],
    order_id: str,
    newest: Event,
    *,
    part: str = "",
    arrived: Sequence[Event] = (),
) -> Parcel:
    """Return the parcel of an order.

    Its carrier and the link to follow it stay true until another event says otherwise; those of a
    parcel's own events come before those of the order as a whole. An hour, a reason and a place are
    those of one event alone: the second attempt has nothing of the first.

    Args:
        events: of any kind, oldest first.
        order_id: which order.
        newest: the event that the message is about.
        part: the tracking number of the parcel that the message is about; empty: it is about the
            order, whatever its parcels.
        arrived: the events of the order and of all its parcels, in the order of their arrival.

    Returns:
        The parcel; an order that nobody has shipped has an empty one.
    """
    of_order = [one for one in events if _is_of(one, order_id)]
    own = [one for one in of_order if not part or number(one) in ("", part)]
    own.sort(key=lambda one: bool(part) and number(one) == part)
    moments: dict[str, datetime | None] = {name: getattr(newest, name, None) for name in MOMENTS}
    words: dict[str, str] = {name: getattr(newest, name, None) or "" for name in TOLD_ONCE}
    lasting = {name: _last(own, name) for name in LASTING}
    statuses = [one for one in arrived if isinstance(one, ParcelEvent) and _is_of(one, order_id)]
    here = [one for one in (*statuses, newest) if number(one) == part]
    arrivals = [one for one in here if isinstance(one, OrderDelivered)]
    return Parcel(
        **lasting,  # type: ignore[arg-type]
        **moments,  # type: ignore[arg-type]
        **words,  # type: ignore[arg-type]
        tracking_number=_last([one for one in own if number(one) == part], "tracking_number"),
        is_one_of_several=bool(part) and len({number(one) for one in statuses} - {""}) > 1,
        was_told=was_told([*arrivals, newest][0], statuses),
    )


def was_told(status: Event, arrived: Iterable[ParcelEvent]) -> bool:
    """Tell whether a customer knew a status when it arrived.

    The order of arrival decides: it is the same however late somebody asks, so that of two
    statuses that say the same just one is news.

    A status of the order as a whole is about the parcels that were known when it arrived. If none
    was, it is about the first one that is heard of: the carrier tells of the parcel that the shop
    told of. A further parcel left later, and the customer knows nothing of it. That the order was
    delivered is about all of its parcels, whenever they are heard of.

    Args:
        status: the event.
        arrived: the statuses of its order and of all its parcels, in the order of their arrival.

    Returns:
        True if one of the order as a whole had told it of this parcel, or if those of all parcels
        that were known had told it of the order. A run knows of itself what it has told.
    """
    cause: ParcelEvent | None = None
    whole: ParcelEvent | None = None
    parcels: dict[str, ParcelEvent] = {}
    by_whole: dict[str, ParcelEvent] = {}
    for one in arrived:
        own = number(one)
        if own:
            if whole is not None and not parcels:
                by_whole[own] = whole
            told = whole if isinstance(whole, OrderDelivered) else by_whole.get(own)
            known = told is not None and not one.is_later(told)
        else:
            known = bool(parcels) and not any(map(one.is_later, parcels.values()))
        if one.message_id == status.message_id:
            return known
        if own:
            before = parcels.get(own)
            parcels[own] = one if before is None or one.is_later(before) else before
        elif cause is None or one.is_later(cause):
            cause = one  # of the run of the whole order, which tells nothing that comes before it
            if not known:
                whole = one
                by_whole |= dict.fromkeys(parcels, one)
    return False


def number(event: Event) -> str:
    """Return the tracking number of an event, in the form in which numbers are compared."""
    return plain(getattr(event, "tracking_number", None))


def _is_of(event: Event, order_id: str) -> bool:
    return isinstance(event, ParcelEvent) and plain(event.order_id) == plain(order_id)


def _last(events: Sequence[Event], name: str) -> str:
    """Return the newest value of a field that is not empty."""
    return next((value for one in reversed(events) if (value := getattr(one, name, None))), "")
