"""Shopify's webhooks: carts, checkouts, orders and customers.

https://shopify.dev/docs/api/webhooks lists the topics and shows what each sends. What becomes of
them is told in docs/webhooks.md; each topic is one function here, from a body to calls.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sojourn.domain.messages import Channel
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

_GRANTED = {"subscribed": True, "unsubscribed": False, "not_subscribed": False}


@dataclass(frozen=True)
class Shopify:
    """One shop, or several that share an app.

    Args:
        secrets: the app's client secret, or the one that the shop's admin shows for webhooks.
    """

    secrets: Sequence[str]
    name: str = "shopify"

    def calls(self, request: SignedRequest) -> list[Call] | Nothing:
        """Verify a request and say what it means. The topic's function says how.

        Raises:
            BadSignature, BadEvent: see `gateway.source.Source`.
        """
        check_hmac(self.secrets, request.headers.get("x-shopify-hmac-sha256"), request.body)
        topic = request.headers.get("x-shopify-topic", "")
        if topic not in TOPICS:
            return Nothing("nothing here listens to this topic")
        return TOPICS[topic](Fields(read_json(request.body)), request.received_at)


def cart(body: Fields, received_at: datetime) -> list[Call]:
    """``carts/create``, ``carts/update``: all of a cart, of whom Shopify does not say."""
    key = body.identifier("token") or body.must("id")
    return _snapshot(body, guest(key), key, body.moment("updated_at") or received_at)


def checkout(body: Fields, received_at: datetime) -> list[Call] | Nothing:
    """``checkouts/create``, ``checkouts/update``: all of a cart, and who it is that pays."""
    if body.moment("completed_at"):
        return Nothing("this checkout became an order, which comes by itself")
    token = body.must("token")
    key = body.identifier("cart_token") or token
    at = body.moment("updated_at") or received_at
    user, others = _who(body, key)
    started = track(
        "Checkout Started",
        user=user,
        message_id=made_id("shopify/checkout", token),
        at=body.moment("created_at") or at,
        properties={
            "cart_id": key,
            "value": body.money("total_price"),
            "currency": body.text("currency"),
        },
    )
    # who had no name in the cart has one now: the guest is not written to any more
    moved = nowhere(others, at)
    return [*moved, *_person(body, user, at), started, *_snapshot(body, user, key, at)]


def order(body: Fields, received_at: datetime) -> list[Call]:
    """``orders/create``, ``orders/paid``: one order, one Order Completed, whichever comes first."""
    number = body.must("id")
    cart_token = body.identifier("cart_token")
    at = end_of_second(body.moment("created_at") or received_at)
    user, others = _who(body, cart_token or body.identifier("checkout_token") or f"order {number}")
    properties = {
        "order_id": number,
        "cart_id": cart_token,
        "total": body.money("total_price"),
        "currency": body.text("currency"),
        "products": first_lines(_product(line, body) for line in body.each("line_items")),
        "email": body.email("email"),
    }
    bought = ordered(
        user, others, message_id=made_id("shopify/order", number), at=at, properties=properties
    )
    # the order first: whatever may be wrong with the card, what was bought is not asked for again
    return [*bought, *_person(body, user, at)]


def customer_created(body: Fields, received_at: datetime) -> list[Call]:
    """``customers/create``: somebody opened an account, or ordered without one."""
    calls = customer_updated(body, received_at)
    if body.text("state") != "enabled":  # a card that Shopify made for an order
        return calls
    user = known(body.must("id", number=True))
    signed_up = track(
        "Signed Up",
        user=user,
        message_id=made_id(user, "Signed Up"),
        at=body.moment("created_at") or received_at,
        properties={"email": body.email("email"), "first_name": body.text("first_name")},
    )
    return [*calls, signed_up]


def customer_updated(body: Fields, received_at: datetime) -> list[Call]:
    """``customers/update``: who somebody is, and what they agreed to."""
    at = body.moment("updated_at") or received_at
    return _card(body, body, known(body.must("id", number=True)), at)


def gone(body: Fields, received_at: datetime) -> list[Call]:
    """``customers/delete``: nobody is written to who is no customer any more."""
    return nowhere([known(body.must("id", number=True))], received_at)


Topic = Callable[[Fields, datetime], list[Call] | Nothing]
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
    """The customer id of somebody whom Shopify knows: ``shopify:207119551``."""
    return f"shopify:{customer_id}"


def guest(key: str) -> str:
    """The customer id of whoever filled a cart, as long as nobody says who that is.

    A digest: the token of a cart opens it, and an id is seen by many.
    """
    return f"shopify:guest:{digest(key)}"


def _who(body: Fields, key: str) -> tuple[str, list[str]]:
    """Whose cart or order it is, and under which other id they may have filled the cart."""
    stranger = guest(key)
    customer_id = body.inner("customer").number("id")
    return (known(customer_id), [stranger]) if customer_id else (stranger, [])


def _snapshot(body: Fields, user: str, key: str, at: datetime) -> list[Call]:
    state = made_id("shopify/cart", digest(key), at)
    products = first_lines(_product(line, body) for line in body.each("line_items"))
    return cart_seen(user, key, message_id=state, at=at, products=products)


def _product(line: Fields, body: Fields) -> dict[str, object]:
    """A line of a cart or an order. Its id is the variant's: another size is another line."""
    product = line.identifier("variant_id") or line.identifier("product_id")
    picture = line.inner("featured_image").link("url") or line.link("image_url")
    price = line.money("discounted_price") or line.money("price")
    set_currency = line.inner("price_set").inner("shop_money").text("currency_code")
    return present(
        {
            "product_id": product or line.identifier("key") or line.must("id"),
            "name": line.text("title") or line.text("presentment_title"),
            "price": price,
            "quantity": line.whole("quantity"),
            "currency": body.text("currency") or set_currency or _shop_currency(line),
            "image_url": picture,
        }
    )


def _shop_currency(line: Fields) -> str | None:
    """Carts tell their currency on each line only."""
    for name in ("discounted_price_set", "original_price_set", "line_price_set"):
        if found := line.inner(name).inner("shop_money").text("currency_code"):
            return found
    return None


def _person(body: Fields, user: str, at: datetime) -> list[Call]:
    """Who pays for a checkout or an order, as far as it says."""
    person = body.inner("customer")
    calls = _card(person, body, user, at)
    made = body.moment("created_at") or at
    for channel, consent, box in (
        (Channel.EMAIL, "email_marketing_consent", "buyer_accepts_marketing"),
        (Channel.SMS, "sms_marketing_consent", "buyer_accepts_sms_marketing"),
    ):
        # the box says again what Shopify knows of the customer, with a new moment: beside the
        # consent itself it would outweigh a no that was said to us since. Empty, it refuses nothing
        if body.flag(box) and not person.inner(consent):
            calls.append(_consent(user, channel, granted=True, at=made, of=body.must("id")))
    return calls


def _card(person: Fields, body: Fields, user: str, at: datetime) -> list[Call]:
    """Name, addresses and consents of a customer; the body around it fills in what is missing."""
    home = person.inner("default_address")
    country = home.text("country_code") or body.inner("shipping_address").text("country_code")
    number = person.text("phone") or body.text("phone") or home.text("phone")
    traits = {
        "email": person.email("email") or body.email("email"),
        "phone": phone(number, country),
        "firstName": person.text("first_name") or home.text("first_name"),
        "lastName": person.text("last_name") or home.text("last_name"),
        "locale": body.text("customer_locale"),
    }
    changed = person.moment("updated_at") or at
    calls = []
    if present(traits):
        calls.append(
            identify(user=user, message_id=made_id(user, "card", at), at=changed, traits=traits)
        )
    for channel, field in (
        (Channel.EMAIL, "email_marketing_consent"),
        (Channel.SMS, "sms_marketing_consent"),
    ):
        consent = person.inner(field)
        granted = _GRANTED.get(consent.text("state") or "")  # pending: nothing was said yet
        if granted is None:
            continue
        # without a moment, a yes is as old as can be: it must not outweigh a no to one of our links
        first = person.moment("created_at") or changed - timedelta(days=365)
        unsaid = changed if consent.text("state") == "unsubscribed" else first
        said = consent.moment("consent_updated_at") or unsaid
        calls.append(_consent(user, channel, granted=granted, at=said, of="customer"))
    return calls


def _consent(user: str, channel: Channel, *, granted: bool, at: datetime, of: str) -> Call:
    return identify(
        user=user,
        message_id=made_id(user, channel.value, of, at),
        at=at,
        traits={"marketingConsent": {channel.value: granted}},
    )
