"""Shopify's webhooks: a cart, a checkout, an order or a customer becomes calls.

https://shopify.dev/docs/api/webhooks lists the topics; `shopify_bodies` models their bodies. Each
topic is one function here. docs/webhooks.md tells which events a topic becomes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sojourn.domain.errors import BadEvent
from sojourn.domain.made_ids import digest, made_id
from sojourn.domain.messages import Channel
from sojourn.gateway.webhooks.bodies import read_json
from sojourn.gateway.webhooks.calls import identify, present, track
from sojourn.gateway.webhooks.shops.bodies import phone, read_body
from sojourn.gateway.webhooks.shops.events import (
    cart_seen,
    end_of_second,
    first_lines,
    nowhere,
    ordered,
)
from sojourn.gateway.webhooks.shops.shopify_bodies import (
    GRANTED,
    Account,
    Around,
    Cart,
    Checkout,
    CheckoutState,
    Consent,
    Customer,
    GoneAccount,
    Line,
    Order,
    Purchase,
)
from sojourn.gateway.webhooks.signatures import check_hmac
from sojourn.gateway.webhooks.source import Call, Nothing, SignedRequest


@dataclass(frozen=True)
class Shopify:
    """One shop, or several that share an app.

    Args:
        secrets: the app's client secret, or the one that the shop's admin shows for webhooks.
    """

    secrets: Sequence[str]
    name: str = "shopify"

    def calls(self, request: SignedRequest) -> list[Call] | Nothing:
        """Verify a request, and give back the calls of its topic.

        Raises:
            BadSignature, BadEvent: as `Source.calls`.
        """
        check_hmac(self.secrets, request.headers.get("x-shopify-hmac-sha256"), request.body)
        topic = request.headers.get("x-shopify-topic", "")
        if topic not in TOPICS:
            return Nothing("nothing here listens to this topic")
        return TOPICS[topic](read_json(request.body), request.received_at)


def cart(body: Any, received_at: datetime) -> list[Call]:
    """Read ``carts/create``, ``carts/update``: a whole cart, and not whose it is."""
    found = read_body(Cart, body)
    key = found.token or _needed(found.id, "id")
    return _snapshot(found, guest(key), key, found.updated_at or received_at)


def checkout(body: Any, received_at: datetime) -> list[Call] | Nothing:
    """Read ``checkouts/create``, ``checkouts/update``: a whole cart, and the customer who pays."""
    if read_body(CheckoutState, body).completed_at:
        return Nothing("this checkout became an order, which comes by itself")
    found = read_body(Checkout, body)
    key = found.cart_token or found.token
    at = found.updated_at or received_at
    user, others = _who(found, key)
    started = track(
        "Checkout Started",
        user=user,
        message_id=made_id("shopify/checkout", found.token),
        at=found.created_at or at,
        properties={"cart_id": key, "value": found.total_price, "currency": found.currency},
    )
    # the cart's guest has a name now: one person gets one reminder
    moved = nowhere(others, at)
    person = _person(found, found.id, user, at)
    return [*moved, *person, started, *_snapshot(found, user, key, at)]


def order(body: Any, received_at: datetime) -> list[Call]:
    """Read ``orders/create``, ``orders/paid``: one order, one Order Completed."""
    found = read_body(Order, body)
    at = end_of_second(found.created_at or received_at)
    user, others = _who(found, found.cart_token or found.checkout_token or f"order {found.id}")
    bought = ordered(
        user,
        others,
        message_id=made_id("shopify/order", found.id),
        at=at,
        properties={
            "order_id": found.id,
            "cart_id": found.cart_token,
            "total": found.total_price,
            "currency": found.currency,
            "products": _products(found),
            "email": found.email,
        },
    )
    # the order goes first: a fault in the customer's card must not keep it from ending the runs
    return [*bought, *_person(found, found.id, user, at)]


def customer_created(body: Any, received_at: datetime) -> list[Call]:
    """Read ``customers/create``: a customer opened an account, or ordered without one."""
    calls = customer_updated(body, received_at)
    found = read_body(Account, body)
    if found.state != "enabled":  # Shopify made this card for an order
        return calls
    user = known(found.id)
    signed_up = track(
        "Signed Up",
        user=user,
        message_id=made_id(user, "Signed Up"),
        at=found.created_at or received_at,
        properties={"email": found.email, "first_name": found.first_name},
    )
    return [*calls, signed_up]


def customer_updated(body: Any, received_at: datetime) -> list[Call]:
    """Read ``customers/update``: a customer's name, addresses and consents."""
    found = read_body(Account, body)
    at = found.updated_at or received_at
    return _card(found, found, known(found.id), at, email=found.email, number=found.phone)


def gone(body: Any, received_at: datetime) -> list[Call]:
    """Read ``customers/delete``: a former customer gets no more messages."""
    return nowhere([known(read_body(GoneAccount, body).id)], received_at)


Topic = Callable[[Any, datetime], list[Call] | Nothing]
"""Reads a body that arrived at a moment."""
TOPICS: dict[str, Topic] = {
    "carts/create": cart,
    "carts/update": cart,
    "checkouts/create": checkout,
    "checkouts/update": checkout,
    "orders/create": order,
    "orders/paid": order,
    "customers/create": customer_created,
    "customers/update": customer_updated,
    "customers/delete": gone,
}


def known(customer_id: str) -> str:
    """Return our id of a customer that Shopify names: ``shopify:207119551``."""
    return f"shopify:{customer_id}"


def guest(key: str) -> str:
    """Return our id of a cart's owner, as long as nothing names them.

    It is a digest: the token of a cart opens it, and an id is seen by many.
    """
    return f"shopify:guest:{digest(key)}"


def _who(body: Purchase, key: str) -> tuple[str, list[str]]:
    """Return the customer's id, and the other id under which they may have filled the cart."""
    stranger = guest(key)
    return (known(body.customer.id), [stranger]) if body.customer.id else (stranger, [])


def _snapshot(body: Cart | Checkout, user: str, key: str, at: datetime) -> list[Call]:
    state = made_id("shopify/cart", digest(key), at)
    return cart_seen(user, key, message_id=state, at=at, products=_products(body))


def _products(body: Cart | Purchase) -> list[dict[str, Any]]:
    return first_lines(_product(line, body.currency) for line in body.line_items)


def _product(line: Line, currency: str | None) -> dict[str, Any]:
    """Return a line as Segment shapes it. Its id is the variant's: each size is a line."""
    return present(
        {
            "product_id": line.variant_id or line.product_id or line.key or line.id,
            "name": line.title or line.presentment_title,
            "price": line.discounted_price or line.price,
            "quantity": line.quantity,
            "currency": currency or _line_currency(line),
            "image_url": line.featured_image.url or line.image_url,
        }
    )


def _line_currency(line: Line) -> str | None:
    """Return the currency of a line; carts tell it nowhere else."""
    sets = (
        line.price_set,
        line.discounted_price_set,
        line.original_price_set,
        line.line_price_set,
    )
    found = (one.shop_money.currency_code for one in sets if one is not None)
    return next((currency for currency in found if currency), None)


def _person(body: Purchase, body_id: str | None, user: str, at: datetime) -> list[Call]:
    """Return the calls about the customer who pays for a checkout or an order."""
    person = body.customer
    email, own_number = person.email or body.email, person.phone or body.phone
    calls = _card(person, body, user, at, email=email, number=own_number)
    made = body.created_at or at
    for channel, consent, ticked in (
        (Channel.EMAIL, person.email_marketing_consent, body.buyer_accepts_marketing),
        (Channel.SMS, person.sms_marketing_consent, body.buyer_accepts_sms_marketing),
    ):
        # the box repeats Shopify's knowledge of the customer, with a new moment: beside the consent
        # itself it would outweigh a no that was said to us since. An empty box refuses nothing
        if ticked and consent is None:
            of = _needed(body_id, "id")
            calls.append(_consent(user, channel, granted=True, at=made, of=of))
    return calls


def _card(
    person: Customer,
    around: Around,
    user: str,
    at: datetime,
    *,
    email: str | None,
    number: str | None,
) -> list[Call]:
    """Return the calls about a customer's name, addresses and consents."""
    home, away = person.default_address, around.shipping_address
    country = home.country_code or (away.country_code if away else None)
    traits = {
        "email": email,
        "phone": phone(number or home.phone, country),
        "firstName": person.first_name or home.first_name,
        "lastName": person.last_name or home.last_name,
        "locale": around.customer_locale,
    }
    changed = person.updated_at or at
    calls = []
    if present(traits):
        calls.append(
            identify(user=user, message_id=made_id(user, "card", at), at=changed, traits=traits)
        )
    for channel, consent in (
        (Channel.EMAIL, person.email_marketing_consent),
        (Channel.SMS, person.sms_marketing_consent),
    ):
        granted = GRANTED.get(consent.state or "") if consent else None
        if consent is not None and granted is not None:
            said = consent.consent_updated_at or _unsaid(consent, person, changed)
            calls.append(_consent(user, channel, granted=granted, at=said, of="customer"))
    return calls


def _unsaid(consent: Consent, person: Customer, changed: datetime) -> datetime:
    """Return the moment of a consent that tells none.

    A yes is as old as it can be, for it must not outweigh a no to one of our links; a no is new.
    """
    if consent.state == "unsubscribed":
        return changed
    return person.created_at or changed - timedelta(days=365)


def _consent(user: str, channel: Channel, *, granted: bool, at: datetime, of: str) -> Call:
    return identify(
        user=user,
        message_id=made_id(user, channel.value, of, at),
        at=at,
        traits={"marketingConsent": {channel.value: granted}},
    )


def _needed(value: str | None, field: str) -> str:
    if value is None:
        raise BadEvent(field, "is missing")
    return value
