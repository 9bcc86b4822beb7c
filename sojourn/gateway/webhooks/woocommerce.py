"""WooCommerce's webhooks: orders and customers. It has none for carts.

https://woocommerce.github.io/woocommerce-rest-api-docs/#webhooks shows what each sends. What
becomes of them is told in docs/webhooks.md; each topic is one function here, from a body to calls.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sojourn.gateway.webhooks.reading import Fields, phone, read_json
from sojourn.gateway.webhooks.shops import cart_seen, end_of_second, first_lines, nowhere, ordered
from sojourn.gateway.webhooks.signatures import check_hmac
from sojourn.gateway.webhooks.source import (
    Call,
    Nothing,
    SignedRequest,
    digest,
    identify,
    made_id,
    present,
    track,
)

PLACED = ("processing", "on-hold", "completed")
LEFT = ("checkout-draft", "pending", "failed")
"""Of an order that waits for its payment: a cart at the till."""
BY_CUSTOMERS = ("checkout", "store-api")
"""Ways an order is made by who pays it; what staff writes down is nobody's cart."""
_PING = re.compile(rb"webhook_id=\d{1,20}")


@dataclass(frozen=True)
class WooCommerce:
    """One shop.

    Args:
        secrets: as entered with the shop's webhooks.
    """

    secrets: Sequence[str]
    name: str = "woocommerce"

    def calls(self, request: SignedRequest) -> list[Call] | Nothing:
        """Verify a request and say what it means. The topic's function says how.

        Raises:
            BadSignature, BadEvent: see `gateway.source.Source`.
        """
        signature = request.headers.get("x-wc-webhook-signature")
        if signature is None and _PING.fullmatch(request.body):
            return Nothing("a ping: WooCommerce tries a new webhook without signing")
        check_hmac(self.secrets, signature, request.body)
        topic = request.headers.get("x-wc-webhook-topic", "")
        if topic not in TOPICS:
            return Nothing("nothing here listens to this topic")
        return TOPICS[topic](Fields(read_json(request.body)), request.received_at)


def order(body: Fields, received_at: datetime) -> list[Call] | Nothing:
    """``order.created``, ``order.updated``: the status says whether it is an order yet."""
    body.must("id")
    status = body.text("status")
    if status in PLACED:
        return _placed(body, received_at)
    if status in LEFT and body.text("created_via") in BY_CUSTOMERS:
        return _left(body, received_at)
    return Nothing("an order of this status is neither a cart nor bought")


def customer_created(body: Fields, received_at: datetime) -> list[Call]:
    """``customer.created``: somebody opened an account."""
    user = known(body.must("id", number=True))
    signed_up = track(
        "Signed Up",
        user=user,
        message_id=made_id(user, "Signed Up"),
        at=body.moment("date_created_gmt", utc=True) or received_at,
        properties={"email": body.email("email"), "first_name": body.text("first_name")},
    )
    return [*customer_updated(body, received_at), signed_up]


def customer_updated(body: Fields, received_at: datetime) -> list[Call]:
    """``customer.updated``: who somebody is, and how to reach them."""
    made = body.moment("date_created_gmt", utc=True)
    at = body.moment("date_modified_gmt", utc=True) or made or received_at
    return _card(body, body.inner("billing"), known(body.must("id", number=True)), at)


def gone(body: Fields, received_at: datetime) -> list[Call]:
    """``customer.deleted``: nobody is written to who is no customer any more."""
    return nowhere([known(body.must("id", number=True))], received_at)


Topic = Callable[[Fields, datetime], list[Call] | Nothing]
TOPICS: dict[str, Topic] = {
    "order.created": order,
    "order.updated": order,
    "customer.created": customer_created,
    "customer.updated": customer_updated,
    "customer.deleted": gone,
}


def known(customer_id: str) -> str:
    """The customer id of somebody with an account: ``woocommerce:25``."""
    return f"woocommerce:{customer_id}"


def guest(body: Fields) -> str:
    """The customer id of who orders without an account: a digest of the order's own key."""
    return f"woocommerce:guest:{digest(body.identifier('order_key') or body.must('id'))}"


def _who(body: Fields) -> tuple[str, list[str]]:
    """Whose order it is, and under which other id it may have been begun."""
    customer_id = body.number("customer_id")
    if customer_id in (None, "0"):
        return guest(body), []
    return known(customer_id), [guest(body)]


def _placed(body: Fields, received_at: datetime) -> list[Call]:
    """An order. It names no cart, and so ends all that the customer may have left."""
    number = body.must("id")
    user, others = _who(body)
    changed = body.moment("date_modified_gmt", utc=True) or received_at
    # the moment of the payment, for an old order that is touched today is no purchase of today
    paid = body.moment("date_paid_gmt", utc=True) or changed
    bought = ordered(
        user,
        others,
        message_id=made_id("woocommerce/order", number),
        at=end_of_second(paid),
        properties={
            "order_id": number,
            "total": body.money("total"),
            "currency": body.text("currency"),
            "products": _products(body),
            "email": body.inner("billing").email("email"),
        },
    )
    # the order first: whatever may be wrong with the card, what was bought is not asked for again
    return [*bought, *_card(body.inner("billing"), body.inner("billing"), user, changed)]


def _left(body: Fields, received_at: datetime) -> list[Call]:
    """An order that is not paid: a cart at the till, whose key is the order's."""
    number = body.must("id")
    user, others = _who(body)
    key = f"order {number}"
    at = body.moment("date_modified_gmt", utc=True) or received_at
    state = made_id("woocommerce/order", number, "cart", at)
    started = track(
        "Checkout Started",
        user=user,
        message_id=made_id("woocommerce/order", number, "checkout"),
        at=body.moment("date_created_gmt", utc=True) or at,
        properties={
            "cart_id": key,
            "value": body.money("total"),
            "currency": body.text("currency"),
        },
    )
    return [
        *nowhere(others, at),
        *_card(body.inner("billing"), body.inner("billing"), user, at),
        started,
        *cart_seen(user, key, message_id=state, at=at, products=_products(body)),
    ]


def _products(body: Fields) -> list[dict[str, object]]:
    return first_lines(_product(line, body) for line in body.each("line_items"))


def _product(line: Fields, body: Fields) -> dict[str, object]:
    """A line. Its id is the variation's, if it has one: another size is another line."""
    variation = line.identifier("variation_id")
    product = variation if variation != "0" else None
    return present(
        {
            "product_id": product or line.identifier("product_id") or line.must("id"),
            "name": line.text("name"),
            "price": line.money("price"),
            "quantity": line.whole("quantity"),
            "currency": body.text("currency"),
            "image_url": line.inner("image").link("src"),
        }
    )


def _card(person: Fields, billing: Fields, user: str, at: datetime) -> list[Call]:
    """Name and addresses. WooCommerce itself asks for no consent, and so tells of none."""
    traits = {
        "email": person.email("email") or billing.email("email"),
        "phone": phone(billing.text("phone"), billing.text("country")),
        "firstName": person.text("first_name") or billing.text("first_name"),
        "lastName": person.text("last_name") or billing.text("last_name"),
    }
    if not present(traits):
        return []
    return [identify(user=user, message_id=made_id(user, "card", at), at=at, traits=traits)]
