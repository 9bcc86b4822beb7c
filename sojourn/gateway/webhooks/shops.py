"""What shops have in common: carts that come as a whole, orders, guests who become somebody.

Each function writes the calls of one of these; a source knows where in its bodies things stand.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sojourn.gateway.webhooks.source import Call, identify, made_id, track

MOST_LINES = 100
MOST_BYTES = 16 << 10
"""Of the lines of a cart or an order: a call may have twice that, and no order may be refused."""
NO_ADDRESS = {"email": "", "phone": ""}

Product = Mapping[str, Any]
"""A line, as Segment shapes it: ``product_id``, ``name``, ``price``, ``quantity``, ..."""


def first_lines(lines: Iterable[Product]) -> list[dict[str, Any]]:
    """The lines of a cart or an order, as many as a call holds."""
    kept: list[dict[str, Any]] = []
    room = MOST_BYTES
    for line in lines:
        room -= len(json.dumps(line))
        if room < 0 or len(kept) == MOST_LINES:
            break
        kept.append(dict(line))
    return kept


def cart_seen(
    user: str, key: str, *, message_id: str, at: datetime, products: Sequence[Product]
) -> list[Call]:
    """All of a cart: a touch of each line, and what the cart is as a whole.

    Args:
        user: whose it is.
        key: the cart's.
        message_id: of this state of this cart: the same state again is nothing new.
        at: when it was in this state.
        products: its lines.
    """
    added = [
        track(
            "Product Added",
            user=user,
            message_id=made_id(message_id, number),
            at=at,
            properties={**product, "cart_id": key},
        )
        for number, product in enumerate(products)
    ]
    seen = {"cart_id": key, "products": list(products)}
    return [*added, track("Cart Viewed", user=user, message_id=message_id, at=at, properties=seen)]


def ordered(
    user: str,
    guests: Iterable[str],
    *,
    message_id: str,
    at: datetime,
    properties: Mapping[str, Any],
) -> list[Call]:
    """One order. The guest who filled its cart is told, too: their runs end with it.

    Args:
        user: whose it is.
        guests: other ids of the same person.
        message_id: of the order, not of the request: however often it is told, it is one.
        at: when it was placed.
        properties: of Order Completed.
    """
    told = {name: properties.get(name) for name in ("order_id", "cart_id")}
    return [
        track("Order Completed", user=user, message_id=message_id, at=at, properties=properties),
        *(
            track(
                "Order Completed",
                user=stranger,
                message_id=made_id(message_id, "guest"),
                at=at,
                properties=told,
            )
            for stranger in guests
        ),
    ]


def nowhere(users: Iterable[str], at: datetime) -> list[Call]:
    """Nobody is written to under these ids any more."""
    return [
        identify(user=user, message_id=made_id(user, "nowhere", at), at=at, traits=NO_ADDRESS)
        for user in users
    ]


def end_of_second(moment: datetime) -> datetime:
    """A moment that its sender cut to the second, read as late as it may have been.

    An order comes after the cart it is made of, also within one second.
    """
    return moment if moment.microsecond else moment.replace(microsecond=999_999)
