"""Calls of many customers, who at one moment stand at several places of each shipped journey."""

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sojourn.testkit.kit import EVERYTHING

Call = dict[str, Any]
Deed = tuple[timedelta, str, dict[str, Any]]
"""A time after the first one, the event, and its properties; a span in them is a moment."""

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MINUTE, NOW = timedelta(minutes=1), timedelta(0)
JUST_NOW = timedelta(seconds=40)
ASKS = {"intent": "other", "channel": "sms"}
CUT = datetime(2026, 3, 27, 11, 40, tzinfo=UTC)
"""When they stand there: two days before Rome changes its clocks."""
WHO: Mapping[str, dict[str, Any]] = {
    "rome": {},
    "york": {"timezone": "America/New_York", "frozen": True},
    "mute": {
        "marketingConsent": {"email": True, "sms": False, "push": True, "whatsapp": True},
        "pushToken": "",
        "timezone": "America/Los_Angeles",
    },
}
"""The customers at each place."""


def _once(event: str, **properties: Any) -> list[Deed]:
    return [(NOW, event, properties)]


def _cart(*more: Deed) -> list[Deed]:
    return [(NOW, "Product Added", {"cart_id": "k", "product_id": "p"}), *more]


def _adds(after: timedelta) -> Deed:
    return after, "Product Added", {"cart_id": "k", "product_id": "another"}


def _order() -> list[Deed]:
    return _once("Order Completed", order_id="o", total=20, currency="EUR")


def _buys(after: timedelta, **properties: Any) -> Deed:
    return after, "Order Completed", {"order_id": "o2", **properties}


def _delivered(*more: Deed) -> list[Deed]:
    products = [{"product_id": "p", "name": "Lamp"}]
    return [(NOW, "Order Delivered", {"order_id": "d", "products": products}), *more]


def _booked(ahead: timedelta, *more: Deed) -> list[Deed]:
    booked = {"appointment_id": "a", "starts_at": ahead, "timezone": "Europe/Berlin"}
    return [(NOW, "Appointment Booked", booked), *more]


def _looked() -> list[Deed]:
    return [(n * MINUTE, "Product Viewed", {"product_id": "p", "name": "Lamp"}) for n in range(3)]


def _parcel(status: str, **properties: Any) -> list[Deed]:
    return _once(status, order_id="o", tracking_number="t", **properties)


def _invoice(ahead: timedelta, *more: Deed) -> list[Deed]:
    issued = {"invoice_id": "i", "due_at": ahead, "amount": 12, "currency": "EUR"}
    return [(NOW, "Invoice Issued", issued), *more]


def _points(ahead: timedelta) -> list[Deed]:
    return _once("Points Expiring", points=100, expires_at=ahead, batch="b")


def _watched(*more: Deed) -> list[Deed]:
    return [(NOW, "Product Watched", {"product_id": "p", "name": "Lamp", "price": 30}), *more]


def _subscribed(ahead: timedelta) -> list[Deed]:
    return _once("Subscription Started", subscription_id="s", expires_at=ahead)


def _renewed(after: timedelta, ahead: timedelta) -> Deed:
    return after, "Subscription Renewed", {"subscription_id": "s", "expires_at": ahead}


def _changed(after: timedelta, ahead: timedelta) -> Deed:
    return after, "Subscription Changed", {"subscription_id": "s", "expires_at": ahead}


def _trial(*more: Deed) -> list[Deed]:
    return [(NOW, "Trial Started", {"ends_at": 14 * DAY}), *more]


def _asks_where(after: timedelta) -> list[Deed]:
    return [*_parcel("Order Shipped"), (after, "Message Replied", {**ASKS, "intent": "order"})]


def _failed(after: timedelta) -> Deed:
    return after, "Payment Failed", {"invoice_id": "i", "next_attempt_at": after + 5 * DAY}


def _dropped(after: timedelta) -> Deed:
    return after, "Price Dropped", {"product_id": "p", "name": "Lamp", "price": 20}


PLACES: Mapping[str, list[tuple[timedelta, list[Deed]]]] = {
    "abandoned-cart": [
        *((lead, _cart()) for lead in (5 * HOUR, 30 * HOUR, 4 * DAY, 9 * DAY)),
        (9 * DAY, _cart(_adds(30 * HOUR), _buys(4 * DAY, cart_id="k"))),
        (
            5 * DAY,
            _cart((DAY + 2 * HOUR, "Signed Up", {}), _buys(3 * DAY + HOUR, cart_id="another")),
        ),
    ],
    "after-purchase": [
        *((lead, _delivered()) for lead in (DAY, 5 * DAY, 12 * DAY)),
        (9 * DAY, _delivered((5 * DAY, "Order Refunded", {"order_id": "d"}))),
        (20 * DAY, _delivered((8 * DAY, "Complaint Received", {"complaint_id": "c"}))),
    ],
    "appointment": [
        (3 * DAY, _booked(8 * DAY)),
        (3 * DAY, _booked(3 * DAY + 20 * HOUR)),
        (3 * DAY, _booked(3 * DAY + 30 * MINUTE)),
        (2 * DAY, _booked(9 * DAY, (DAY, "Message Replied", {"intent": "yes"}))),
        (2 * DAY, _booked(9 * DAY, (DAY, "Message Replied", {"intent": "no"}))),
    ],
    "browse-abandonment": [
        *((lead, _looked()) for lead in (HOUR, 2 * DAY)),
        (3 * DAY, [*_looked(), _adds(5 * HOUR)]),
    ],
    "delivery": [
        (JUST_NOW, _parcel("Order Shipped")),
        (DAY, _parcel("Order Shipped")),
        (3 * HOUR, _parcel("Delivery Failed")),
        (3 * DAY, [*_parcel("Order Shipped"), (DAY, *_parcel("Out for Delivery")[0][1:])]),
    ],
    "double-opt-in": [
        (lead, _once("Opt-In Requested", channel="email", topic="offers"))
        for lead in (DAY, 4 * DAY)
    ],
    "login-code": [
        (lead, _once("Login Code Requested", request_id="r", code="123456", expires_at=10 * MINUTE))
        for lead in (2 * MINUTE, 2 * DAY)
    ],
    "loyalty": [(lead, _once("Points Earned", points=10, balance=90)) for lead in (DAY, 40 * DAY)],
    "loyalty-tier": [(lead, _once("Tier Reached", tier="gold")) for lead in (2 * HOUR, 5 * DAY)],
    "onboarding": [
        *((lead, _once("Signed Up")) for lead in (2 * HOUR, 30 * HOUR, 4 * DAY, 8 * DAY)),
        (9 * DAY, [*_once("Signed Up"), (4 * DAY, "Account Activated", {})]),
        (5 * DAY, [*_once("Signed Up"), _buys(2 * DAY)]),
    ],
    "order-confirmed": [(5 * DAY, _order())],
    "payment-due": [
        (2 * DAY, _invoice(12 * DAY)),
        (2 * DAY, _invoice(3 * DAY)),
        (9 * DAY, _invoice(4 * DAY)),
        (15 * DAY, _invoice(4 * DAY)),
        (4 * DAY, _invoice(2 * DAY, _failed(3 * DAY))),
        (9 * DAY, _invoice(3 * DAY, (5 * DAY, "Payment Received", {"invoice_id": "i"}))),
    ],
    "points-expiring": [
        *((lead, _points(30 * DAY)) for lead in (2 * DAY, 20 * DAY)),
        (25 * DAY, [*_points(30 * DAY), (18 * DAY, "Points Spent", {"points": 5})]),
    ],
    "product-watch": [
        (10 * DAY, _watched()),
        (85 * DAY, _watched()),
        (5 * DAY, _watched(_dropped(4 * DAY))),
        (85 * DAY, _watched(_dropped(60 * DAY))),
        (110 * DAY, _watched(_dropped(100 * DAY))),
        (5 * DAY, _watched(_dropped(5 * DAY - 2 * HOUR))),
    ],
    "renewal": [
        *((lead, _subscribed(30 * DAY)) for lead in (10 * DAY, 25 * DAY, 29 * DAY)),
        (29 * DAY, [*_subscribed(30 * DAY), _renewed(26 * DAY, 40 * DAY)]),
        (24 * DAY, [*_subscribed(25 * DAY), _changed(20 * DAY, 27 * DAY)]),
    ],
    "service-recovery": [
        *(
            (lead, _once("Complaint Received", complaint_id="c", case_id="c", order_id="o"))
            for lead in (3 * HOUR, 30 * HOUR, 7 * DAY, 12 * DAY)
        ),
        (2 * DAY, _once("Order Delayed", order_id="o", case_id="c")),
        (
            9 * DAY,
            [
                *_once("Complaint Received", complaint_id="c", case_id="c"),
                *_cart((HOUR, "Signed Up", {}), (6 * DAY, "Complaint Resolved", {"case_id": "c"})),
            ],
        ),
    ],
    "trial": [
        *((lead, _trial()) for lead in (DAY, 3 * DAY, 8 * DAY, 13 * DAY)),
        (4 * DAY, _trial((DAY, "Feature Used", {"feature": "f"}))),
        (9 * DAY, _trial((DAY, "Trial Extension Requested", {}))),
    ],
    "two-way": [
        *((lead, _once("Message Replied", **ASKS)) for lead in (JUST_NOW, 3 * HOUR)),
        *((DAY + lead, _asks_where(DAY)) for lead in (JUST_NOW, 3 * HOUR)),
        (3 * DAY, _asks_where(HOUR)),
    ],
    "win-back": [(lead * DAY, _order()) for lead in (30, 58, 62, 70, 84)],
}
"""For each journey the times before the moment at which people begin it, and their deeds."""


def calls(people: Collection[str] = tuple(WHO)) -> list[Call]:
    """Return all that happens, as senders tell it, in its order.

    Args:
        people: the customers at each place, of `WHO`.

    Returns:
        The calls.
    """
    return sorted(_calls(people), key=lambda one: str(one["timestamp"]))


def _calls(people: Collection[str]) -> Iterator[Call]:
    for journey, places in PLACES.items():
        for number, (lead, deeds) in enumerate(places):
            for order, name in enumerate(people):
                who = f"{journey}-{number}-{name}"
                begins = CUT - lead - order * timedelta(seconds=1)  # nothing is of one moment
                yield _identify(who, begins - MINUTE, WHO[name])
                for n, (after, event, properties) in enumerate(deeds):
                    yield {
                        "type": "track",
                        "userId": who,
                        "messageId": f"{who}-{n}",
                        "event": event,
                        "properties": {
                            key: (begins + value).isoformat()
                            if isinstance(value, timedelta)
                            else value
                            for key, value in properties.items()
                        },
                        "timestamp": (begins + after).isoformat(),
                    }


def _identify(who: str, at: datetime, traits: Mapping[str, Any]) -> Call:
    digits = f"{sum(map(ord, who)) * 7919 % 10_000_000:07}"
    own = {
        "email": f"{who}@shop.example",
        "phone": f"+39320{digits}",
        "pushToken": f"token-of-{who}",
    }
    return {
        "type": "identify",
        "userId": who,
        "messageId": f"{who}-i",
        "traits": {**EVERYTHING, **own, **traits},
        "timestamp": at.isoformat(),
    }
