"""The events that all shops have: a cart that comes as a whole, an order, a guest who is named.

Each function builds the calls for one of these; a shop's own file knows where the values stand in
the shop's bodies.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sojourn.domain.made_ids import digest, made_id
from sojourn.gateway.webhooks.calls import delete, identify, present, track
from sojourn.gateway.webhooks.source import Call

MOST_BYTES = 16 << 10
"""The most bytes of the lines of a cart or an order: a call may have twice that, and no order may
be refused for its length."""
NO_ADDRESS = {"email": "", "phone": "", "phone2": "", "pushToken": ""}

Product = Mapping[str, Any]
"""A line, as Segment shapes it: ``product_id``, ``name``, ``price``, ``quantity``, ..."""


def first_lines(lines: Iterable[Product]) -> list[dict[str, Any]]:
    """Return the first lines of a cart or an order, as many as a call holds."""
    kept: list[dict[str, Any]] = []
    room = MOST_BYTES
    for line in lines:
        room -= len(json.dumps(line))
        if room < 0:
            break
        kept.append(dict(line))
    return kept


def pieces(quantity: Decimal | None, price: str | None) -> tuple[int | None, str | None]:
    """Return the pieces of a line, and the price of one; a fractional quantity counts as one piece.

    1.5 m of ribbon at 4.00 are one piece at 6.00: the amount is what the shopper pays.

    Args:
        quantity: the shop's quantity; None if it is unknown.
        price: the price of one; None if it is unknown.
    """
    if quantity is None or quantity == quantity.to_integral_value():
        return None if quantity is None else int(quantity), price
    amount = None if price is None else (Decimal(price) * quantity).quantize(Decimal("0.01"))
    return 1, None if amount is None else str(amount)


def cart_seen(
    user: str, key: str, *, message_id: str, at: datetime, products: Sequence[Product]
) -> list[Call]:
    """Build the calls for a whole cart: a touch of each line, and the cart itself.

    Args:
        user: the customer's id.
        key: the cart's key.
        message_id: names this state of this cart: the same state again is nothing new.
        at: when the cart was in this state.
        products: its lines.

    Returns:
        A Product Added for each line, then a Cart Viewed.
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
    """Build the calls for an order, also for the guest who filled its cart, whose runs it ends.

    Args:
        user: the customer's id.
        guests: other ids of the same person.
        message_id: names the order, not the request: an order told twice is one order.
        at: when it was placed.
        properties: the properties of Order Completed.

    Returns:
        An Order Completed for each id.
    """
    return _told_to_all(
        "Order Completed", user, guests, message_id=message_id, at=at, properties=properties
    )


def cancelled(
    user: str,
    guests: Iterable[str],
    *,
    message_id: str,
    at: datetime,
    properties: Mapping[str, Any],
) -> list[Call]:
    """Build the calls for a cancelled order, for every id that had the order.

    Args:
        user: the customer's id.
        guests: other ids of the same person.
        message_id: names the cancellation: told twice it is one.
        at: when it was cancelled.
        properties: the properties of Order Cancelled.

    Returns:
        An Order Cancelled for each id.
    """
    return _told_to_all(
        "Order Cancelled", user, guests, message_id=message_id, at=at, properties=properties
    )


def _told_to_all(
    event: str,
    user: str,
    guests: Iterable[str],
    *,
    message_id: str,
    at: datetime,
    properties: Mapping[str, Any],
) -> list[Call]:
    told = {name: properties.get(name) for name in ("order_id", "cart_id")}
    return [
        track(event, user=user, message_id=message_id, at=at, properties=properties),
        *(
            track(
                event,
                user=stranger,
                message_id=made_id(message_id, "guest"),
                at=at,
                properties=told,
            )
            for stranger in guests
        ),
    ]


def codes(found: Iterable[str | None]) -> str | None:
    """Return the codes that an order names, as Order Completed has them; None if it names none."""
    return ", ".join(filter(None, found)) or None


def content(value: Any) -> str:
    """Return a digest of a value, for use in ids.

    Shops' moments are whole seconds, which two states of one thing may share.
    """
    return digest(json.dumps(value, sort_keys=True))


def card(user: str, traits: Mapping[str, Any], *, at: datetime) -> list[Call]:
    """Build the call for a customer's name and addresses; none if no trait is known.

    Args:
        user: the customer's id.
        traits: the traits; those that are None are left out.
        at: the moment from which they hold.

    Returns:
        An Identify, or no call.
    """
    told = present(traits)
    if not told:
        return []
    name = made_id(user, "card", at, content(told))
    return [identify(user=user, message_id=name, at=at, traits=told)]


def signed_up(user: str, at: datetime, *, email: str | None, first_name: str | None) -> Call:
    """Build the call for a new account; told twice it is one.

    Args:
        user: the customer's id.
        at: when the customer opened it.
        email: None if the shop does not tell.
        first_name: None if the shop does not tell.

    Returns:
        A Signed Up.
    """
    return track(
        "Signed Up",
        user=user,
        message_id=made_id(user, "Signed Up"),
        at=at,
        properties={"email": email, "first_name": first_name},
    )


def nowhere(users: Iterable[str], at: datetime) -> list[Call]:
    """Build calls that clear the addresses of these ids, so that nothing is sent to them."""
    return [
        identify(user=user, message_id=made_id(user, "nowhere", at), at=at, traits=NO_ADDRESS)
        for user in users
    ]


def left(users: Iterable[str], at: datetime) -> list[Call]:
    """Build calls that delete these customers: no address and no name, even if one comes late."""
    return [delete(user=user, message_id=made_id(user, "left", at), at=at) for user in users]


def end_of_second(moment: datetime) -> datetime:
    """Return the latest moment within the second to which a moment was cut.

    So an order comes after its cart, even within one second.
    """
    return moment if moment.microsecond else moment.replace(microsecond=999_999)
