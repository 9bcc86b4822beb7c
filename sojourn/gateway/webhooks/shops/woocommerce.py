"""WooCommerce's webhooks: an order or a customer becomes calls. It has no webhooks for carts.

https://woocommerce.github.io/woocommerce-rest-api-docs/#webhooks lists the topics;
`woocommerce_bodies` models their bodies. Each topic has one function here. docs/webhooks.md lists
the events that a topic becomes.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sojourn.domain.made_ids import digest, made_id
from sojourn.gateway.webhooks.calls import present, track
from sojourn.gateway.webhooks.shops.bodies import phone, read_body
from sojourn.gateway.webhooks.shops.events import (
    cancelled,
    card,
    cart_seen,
    codes,
    content,
    end_of_second,
    first_lines,
    left,
    nowhere,
    ordered,
    pieces,
    signed_up,
)
from sojourn.gateway.webhooks.shops.shop import Calls, Shop
from sojourn.gateway.webhooks.shops.woocommerce_bodies import (
    Account,
    Billing,
    GoneAccount,
    LeftOrder,
    Line,
    Order,
    OrderState,
    PlacedOrder,
)
from sojourn.gateway.webhooks.source import Call, Nothing, SignedRequest

PLACED = ("processing", "on-hold", "completed")
"""Statuses of an order that was placed."""
LEFT = ("checkout-draft", "pending", "failed")
"""Statuses of an order that waits for its payment, which counts as a cart."""
OVER = ("cancelled", "refunded", "trash", "auto-draft")
"""Statuses of an order that nobody waits for."""
BY_CUSTOMERS = ("checkout", "store-api")
"""Ways in which customers create orders; an order that staff enter is nobody's cart."""
_PING = re.compile(rb"webhook_id=\d{1,20}")


def order(body: Any, received_at: datetime) -> list[Call] | Nothing:
    """Read ``order.created``, ``order.updated``: the status tells an order from a cart.

    Plugins add their own statuses ("shipped"); with such a status, a paid order counts as placed.
    """
    state = read_body(OrderState, body)
    plugins = state.status not in (*PLACED, *LEFT, *OVER)
    if state.status in PLACED or (plugins and state.date_paid_gmt):
        placed = read_body(PlacedOrder, body)
        return [*_placed(placed, received_at), *_refunded(placed, received_at)]
    if state.status in LEFT and state.created_via in BY_CUSTOMERS:
        return _left(read_body(LeftOrder, body), received_at)
    if state.status == "cancelled":
        found = read_body(Order, body)
        return [*_cancelled(found, received_at), *_refunded(found, received_at)]
    if state.status == "refunded":
        return _refunded(read_body(Order, body), received_at, whole=True)
    return Nothing("an order of this status is neither a cart nor bought")


def customer_created(body: Any, received_at: datetime) -> list[Call]:
    """Read ``customer.created``: a customer opened an account."""
    found = read_body(Account, body)
    opened = signed_up(
        known(found.id),
        found.date_created_gmt or received_at,
        email=found.email,
        first_name=found.first_name,
    )
    return [*customer_updated(body, received_at), opened]


def customer_updated(body: Any, received_at: datetime) -> list[Call]:
    """Read ``customer.updated``: a customer's name and addresses."""
    found = read_body(Account, body)
    at = found.date_modified_gmt or found.date_created_gmt or received_at
    return _card(found, found.billing, known(found.id), at)


def gone(body: Any, received_at: datetime) -> list[Call]:
    """Read ``customer.deleted``: a former customer gets no more messages."""
    return left([known(read_body(GoneAccount, body).id)], received_at)


TOPICS: dict[str, Callable[[Any, datetime], list[Call] | Nothing]] = {
    "order.created": order,
    "order.updated": order,
    "customer.created": customer_created,
    "customer.updated": customer_updated,
    "customer.deleted": gone,
}


@dataclass(frozen=True)
class WooCommerce(Shop):
    """One shop.

    Args:
        secrets: the secrets as entered with the shop's webhooks.
        name: the name of the source.
    """

    signature_header = "x-wc-webhook-signature"
    topic_header = "x-wc-webhook-topic"
    topics = MappingProxyType(TOPICS)

    name: str = "woocommerce"

    def calls(self, request: SignedRequest) -> Calls | Nothing:
        """Verify a request, as `Shop.calls` does; WooCommerce's test of a new webhook is unsigned.

        Raises:
            BadSignature, BadEvent: as `Source.calls`.
        """
        if self.signature_header not in request.headers and _PING.fullmatch(request.body):
            return Nothing("a ping: WooCommerce tries a new webhook without signing")
        return super().calls(request)


def known(customer_id: str) -> str:
    """Return our id for a customer with an account: ``woocommerce:25``."""
    return f"woocommerce:{customer_id}"


def guest(order_key: str) -> str:
    """Return our id for a customer who orders without an account: a digest of the order's key."""
    return f"woocommerce:guest:{digest(order_key)}"


def _who(body: Order) -> tuple[str, list[str]]:
    """Return the customer's id, and the other id under which they may have begun the order."""
    stranger = guest(body.order_key or body.id)
    if body.customer_id in (None, "0"):
        return stranger, []
    return known(body.customer_id), [stranger]


def _placed(body: PlacedOrder, received_at: datetime) -> list[Call]:
    """Return the calls for an order. It names no cart, and so ends the runs of all carts."""
    user, others = _who(body)
    changed = body.date_modified_gmt or received_at
    # the payment counts: an old order that is edited today was not bought today
    paid = body.date_paid_gmt or changed
    bought = ordered(
        user,
        others,
        message_id=made_id("woocommerce/order", body.id),
        at=end_of_second(paid),
        properties={
            **_contents(body),
            "coupon": codes(one.code for one in body.coupon_lines or () if one),
            "email": body.billing.email,
        },
    )
    # the order goes first: a fault in the customer's card must not keep it from ending the runs
    return [*bought, *_card(body.billing, body.billing, user, changed)]


def _left(body: LeftOrder, received_at: datetime) -> list[Call]:
    """Return the calls for an unpaid order: it is a cart, whose key is the order's."""
    user, others = _who(body)
    key = f"order {body.id}"
    at = body.date_modified_gmt or received_at
    products = _products(body)
    state = made_id("woocommerce/order", body.id, "cart", at, content(products))
    started = track(
        "Checkout Started",
        user=user,
        message_id=made_id("woocommerce/order", body.id, "checkout"),
        at=body.date_created_gmt or at,
        properties={"cart_id": key, "value": body.total, "currency": body.currency},
    )
    return [
        *nowhere(others, at),
        *_card(body.billing, body.billing, user, at),
        started,
        *cart_seen(user, key, message_id=state, at=at, products=products),
    ]


def _cancelled(body: Order, received_at: datetime) -> list[Call]:
    user, others = _who(body)
    return cancelled(
        user,
        others,
        message_id=made_id("woocommerce/order", body.id, "cancelled"),
        at=end_of_second(body.date_modified_gmt or received_at),
        properties=_contents(body),
    )


def _refunded(body: Order, received_at: datetime, *, whole: bool = False) -> list[Call]:
    """Return one Order Refunded for each refund that the order lists.

    Args:
        body: the order, which lists all its refunds each time.
        received_at: when it arrived.
        whole: its status says that it was refunded in full, even if it lists no refund.
    """
    user, _ = _who(body)
    told = [
        (made_id("woocommerce/refund", one.id), one.total and one.total.lstrip("-"), one.reason)
        for one in body.refunds
    ]
    if whole and not told:
        told = [(made_id("woocommerce/order", body.id, "refunded"), body.total, None)]
    return [
        track(
            "Order Refunded",
            user=user,
            message_id=message_id,
            at=end_of_second(body.date_modified_gmt or received_at),
            properties={
                "order_id": body.id,
                "total": total,
                "currency": body.currency,
                "reason": reason,
            },
        )
        for message_id, total, reason in told
    ]


def _contents(body: Order) -> dict[str, Any]:
    """Return the properties that placed and cancelled orders share."""
    return {
        "order_id": body.id,
        "total": body.total,
        "currency": body.currency,
        "products": _products(body),
    }


def _products(body: Order) -> list[dict[str, Any]]:
    return first_lines(_product(line, body.currency) for line in body.line_items)


def _product(line: Line, currency: str | None) -> dict[str, Any]:
    """Return a line as Segment shapes it. Its id is the variation's: each size is a line."""
    quantity, price = pieces(line.quantity, line.price)
    return present(
        {
            "product_id": line.variation_id or line.product_id or line.id,
            "name": line.name,
            "price": price,
            "quantity": quantity,
            "currency": currency,
            "image_url": line.image.src,
        }
    )


def _card(person: Account | Billing, billing: Billing, user: str, at: datetime) -> list[Call]:
    """Return the calls for a customer's name and addresses.

    WooCommerce itself asks for no consent, so there is none to report.
    """
    traits = {
        "email": person.email or billing.email,
        "phone": phone(billing.phone, billing.country),
        "firstName": person.first_name or billing.first_name,
        "lastName": person.last_name or billing.last_name,
    }
    return card(user, traits, at=at)
