"""Shopify's webhooks: a cart, a checkout, an order or a customer becomes calls.

https://shopify.dev/docs/api/webhooks lists the topics; `shopify_bodies` models their bodies. Each
topic has one function here. docs/webhooks.md lists the events that a topic becomes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from sojourn.domain.errors import BadEvent
from sojourn.domain.events import EARLIEST
from sojourn.domain.made_ids import digest, made_id
from sojourn.domain.messages import Channel
from sojourn.gateway.webhooks.calls import delete, errand, identify, present, track
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
from sojourn.gateway.webhooks.shops.shop import Shop, Topic
from sojourn.gateway.webhooks.shops.shopify_bodies import (
    GRANTED,
    Account,
    Around,
    Cart,
    Checkout,
    CheckoutState,
    Consent,
    Customer,
    EmailConsent,
    GoneAccount,
    GoneShop,
    Line,
    Merge,
    MoneySet,
    Order,
    PrivacyRequest,
    Purchase,
    Refund,
    SmsConsent,
    WhatsAppConsent,
)
from sojourn.gateway.webhooks.shops.shopify_parcels import fulfillment, fulfillment_event
from sojourn.gateway.webhooks.source import Call, Depending, Nothing

ANSWER_WITHIN = timedelta(days=30)
"""The legal time limit for a customer's request (GDPR, article 12: a month)."""
NEW = timedelta(days=1)
"""A customer who is no older than this, and has an account, has just opened it."""
MERGED = ("completed", "succeeded", "success")
"""Statuses of a merge that has happened; with any other, there are still two customers."""
SHOP = "shopify"
_LONGEST_PROOF = 300
_STATE = "shopifyState"
"""The trait that remembers whether a customer had an account."""


def cart(body: Any, received_at: datetime) -> list[Call]:
    """Read ``carts/create``, ``carts/update``: a whole cart, without its owner."""
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
    # the cart's guest is now known by another id: one person gets one reminder
    moved = nowhere(others, at)
    person = _person(found, found.token, user, at)
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
            **_contents(found),
            "coupon": codes(one.code for one in found.discount_codes or () if one),
            "email": found.email,
        },
    )
    # the order goes first: a fault in the customer's card must not keep it from ending the runs
    return [*bought, *_person(found, found.id, user, at)]


def order_cancelled(body: Any, received_at: datetime) -> list[Call]:
    """Read ``orders/cancelled``: one Order Cancelled."""
    found = read_body(Order, body)
    user, others = _who(found, found.cart_token or found.checkout_token or f"order {found.id}")
    return cancelled(
        user,
        others,
        message_id=made_id("shopify/order", found.id, "cancelled"),
        at=end_of_second(found.cancelled_at or found.updated_at or received_at),
        properties={**_contents(found), "reason": found.cancel_reason},
    )


def refund(body: Any, received_at: datetime) -> list[Call | Depending]:
    """Read ``refunds/create``: one Order Refunded for the customer who placed the order."""
    found = read_body(Refund, body)
    lines = [(line, _refund_currency(line.subtotal_set)) for line in found.refund_line_items]
    paid = [one for one in found.transactions if (one.kind, one.status) == ("refund", "success")]
    currencies = [one.currency for one in paid] + [currency for _, currency in lines]
    told = track(
        "Order Refunded",
        user="",
        message_id=made_id("shopify/refund", found.id),
        at=end_of_second(found.processed_at or found.created_at or received_at),
        properties={
            "order_id": found.order_id,
            "total": _sum(one.amount for one in paid),
            "currency": next((currency for currency in currencies if currency), None),
            "products": first_lines(
                _product(line.line_item.model_copy(update={"quantity": line.quantity}), currency)
                for line, currency in lines
            ),
            "reason": found.note,
        },
    )
    return [
        Depending(told, customer_of=made_id("shopify/order", found.order_id), of="order_id"),
    ]


def customer_created(body: Any, received_at: datetime) -> list[Call]:
    """Read ``customers/create``: a customer opened an account, or ordered without one."""
    found = read_body(Account, body)
    calls = _account(found, received_at)
    if found.state != "enabled":  # created by an order, or by a visit whose sign-in comes next
        return calls
    return [*calls, _signed_up(found, found.created_at or received_at)]


def customer_enabled(body: Any, received_at: datetime) -> list[Call]:
    """Read ``customers/enable``: a customer signed in for the first time."""
    found = read_body(Account, body)
    calls = _account(found.model_copy(update={"state": "enabled"}), received_at)
    return [*calls, _signed_up(found, found.updated_at or received_at)]


def customer_updated(body: Any, received_at: datetime) -> list[Call | Depending]:
    """Read ``customers/update``: a customer's name, addresses and consents.

    If ``customers/enable`` is not subscribed to, the first update after the sign-in reveals it.
    """
    found = read_body(Account, body)
    calls: list[Call | Depending] = [*_account(found, received_at)]
    if found.state == "enabled":
        at = found.updated_at or received_at
        opened = _signed_up(found, at)
        is_new = found.created_at is not None and at - found.created_at <= NEW
        calls.append(opened if is_new else Depending(opened, if_said=(_STATE, "disabled")))
    return calls


def email_consent(body: Any, received_at: datetime) -> list[Call]:
    """Read ``customers_email_marketing_consent/update``: a yes or a no to e-mails."""
    found = read_body(EmailConsent, body)
    said = found.email_marketing_consent
    address = {"email": found.email_address}
    return _word(Channel.EMAIL, said, known(found.customer_id), address, received_at)


def sms_consent(body: Any, received_at: datetime) -> list[Call]:
    """Read ``customers_marketing_consent/update``: a yes or a no to messages by SMS."""
    found = read_body(SmsConsent, body)
    address = {"phone": phone(found.phone, None)}
    return _word(Channel.SMS, found.sms_marketing_consent, known(found.id), address, received_at)


def whatsapp_consent(body: Any, received_at: datetime) -> list[Call]:
    """Read ``customers_whats_app_marketing_consent/update``: a yes or a no to WhatsApp."""
    found = read_body(WhatsAppConsent, body)
    said = found.whats_app_marketing_consent
    address = {"phone": phone(found.phone_number, None)}
    return _word(Channel.WHATSAPP, said, known(found.customer_id), address, received_at)


def merged(body: Any, received_at: datetime) -> list[Call] | Nothing:
    """Read ``customers/merge``: two customers are one from now on."""
    found = read_body(Merge, body)
    if found.status.lower() not in MERGED:
        return Nothing("these customers were not merged")
    kept = known(found.admin_graphql_api_customer_kept_id)
    gone_id = known(found.admin_graphql_api_customer_deleted_id)
    return [
        {
            "type": "alias",
            "userId": kept,
            "previousId": gone_id,
            "messageId": made_id(kept, "merged", gone_id),
            "timestamp": received_at.isoformat(),
        }
    ]


def gone(body: Any, received_at: datetime) -> list[Call | Depending]:
    """Read ``customers/delete``: a former customer gets no more messages.

    Shopify also deletes a customer who was merged into another one; the other one stays.
    """
    former = known(read_body(GoneAccount, body).id)
    return [Depending(call, if_itself=True) for call in left([former], received_at)]


def redacted(body: Any, received_at: datetime) -> list[Call]:
    """Read ``customers/redact``: erase everything that is held about a customer."""
    user = known(read_body(PrivacyRequest, body).customer.id)
    told = made_id(user, "redact")
    return [delete(user=user, message_id=told, at=received_at, why="customers/redact")]


def data_requested(body: Any, received_at: datetime) -> list[Call]:
    """Read ``customers/data_request``: ask a person to send the customer their data."""
    user = known(read_body(PrivacyRequest, body).customer.id)
    by = f"{received_at + ANSWER_WITHIN:%Y-%m-%d}"
    subject = f"the customer asks for their data, by {by}: sojourn customer export {user}"
    told = made_id(user, "data_request", f"{received_at:%Y-%m-%d}")
    return [errand(user=user, message_id=told, at=received_at, subject=subject)]


def shop_redacted(body: Any, received_at: datetime) -> list[Call]:
    """Read ``shop/redact``: ask a person to erase a shop's customers."""
    shop = f"shopify:shop:{read_body(GoneShop, body).shop_id}"
    by = f"{received_at + ANSWER_WITHIN:%Y-%m-%d}"
    subject = f"the shop is gone: erase its customers by {by}, each by sojourn customer erase"
    told = made_id(shop, "shop_redact")
    return [errand(user=shop, message_id=told, at=received_at, subject=subject)]


TOPICS: dict[str, Topic] = {
    "carts/create": cart,
    "carts/update": cart,
    "checkouts/create": checkout,
    "checkouts/update": checkout,
    "orders/create": order,
    "orders/paid": order,
    "orders/cancelled": order_cancelled,
    "refunds/create": refund,
    "fulfillments/create": fulfillment,
    "fulfillments/update": fulfillment,
    "fulfillment_events/create": fulfillment_event,
    "customers/create": customer_created,
    "customers/enable": customer_enabled,
    "customers/update": customer_updated,
    "customers_email_marketing_consent/update": email_consent,
    "customers_marketing_consent/update": sms_consent,
    "customers_whats_app_marketing_consent/update": whatsapp_consent,
    "customers/merge": merged,
    "customers/delete": gone,
    "customers/redact": redacted,
    "customers/data_request": data_requested,
    "shop/redact": shop_redacted,
}


@dataclass(frozen=True)
class Shopify(Shop):
    """One shop, or several that share an app.

    Args:
        secrets: the app's client secret, or the one that the shop's admin shows for webhooks.
        name: the name of the source.
    """

    signature_header = "x-shopify-hmac-sha256"
    topic_header = "x-shopify-topic"
    topics = MappingProxyType(TOPICS)

    name: str = "shopify"


def known(customer_id: str) -> str:
    """Return our id for a customer of Shopify: ``shopify:207119551``."""
    return f"shopify:{customer_id}"


def guest(key: str) -> str:
    """Return our id for a cart's owner while they are unknown.

    It is a digest: the token of a cart opens the cart, and many people see ids.
    """
    return f"shopify:guest:{digest(key)}"


def _who(body: Purchase, key: str) -> tuple[str, list[str]]:
    """Return the customer's id, and the other id under which they may have filled the cart."""
    stranger = guest(key)
    return (known(body.customer.id), [stranger]) if body.customer.id else (stranger, [])


def _snapshot(body: Cart | Checkout, user: str, key: str, at: datetime) -> list[Call]:
    products = _products(body)
    state = made_id("shopify/cart", digest(key), at, content(products))
    return cart_seen(user, key, message_id=state, at=at, products=products)


def _contents(body: Order) -> dict[str, Any]:
    """Return the properties that all events of an order share."""
    return {
        "order_id": body.id,
        "cart_id": body.cart_token,
        "total": body.total_price,
        "currency": body.currency,
        "products": _products(body),
    }


def _products(body: Cart | Purchase) -> list[dict[str, Any]]:
    return first_lines(_product(line, body.currency) for line in body.line_items)


def _product(line: Line, currency: str | None) -> dict[str, Any]:
    """Return a line as Segment shapes it. Its id is the variant's: each size is a line."""
    quantity, price = pieces(line.quantity, line.discounted_price or line.price)
    return present(
        {
            "product_id": line.variant_id or line.product_id or line.key or line.id,
            "name": line.title or line.presentment_title,
            "price": price,
            "quantity": quantity,
            "currency": currency or _line_currency(line),
            "image_url": line.featured_image.url or line.image_url,
        }
    )


def _line_currency(line: Line) -> str | None:
    """Return the currency of a line, the only place where carts have it."""
    sets = (
        line.price_set,
        line.discounted_price_set,
        line.original_price_set,
        line.line_price_set,
    )
    found = (one.shop_money.currency_code for one in sets if one is not None)
    return next((currency for currency in found if currency), None)


def _refund_currency(amounts: MoneySet) -> str | None:
    return amounts.shop_money.currency_code


def _sum(amounts: Iterable[str | None]) -> str | None:
    """Return the sum of amounts; None if there are none, or one is unknown."""
    found = [None if amount is None else Decimal(amount) for amount in amounts]
    known_ones = [amount for amount in found if amount is not None]
    return str(sum(known_ones)) if found and len(known_ones) == len(found) else None


def _signed_up(found: Account, at: datetime) -> Call:
    return signed_up(known(found.id), at, email=found.email, first_name=found.first_name)


def _account(found: Account, received_at: datetime) -> list[Call]:
    at = found.updated_at or received_at
    state = {_STATE: found.state}
    return _card(
        found, found, known(found.id), at, email=found.email, number=found.phone, others=state
    )


def _person(body: Purchase, body_id: str, user: str, at: datetime) -> list[Call]:
    """Return the calls about the customer who pays for a checkout or an order."""
    person = body.customer
    email, number = person.email or body.email, person.phone or body.phone
    if body.sms_marketing_phone and (body.buyer_accepts_sms_marketing or not number):
        number = body.sms_marketing_phone  # the consent box is about this number
    calls = _card(person, body, user, at, email=email, number=number)
    made = body.created_at or at
    for channel, consent, ticked in (
        (Channel.EMAIL, person.email_marketing_consent, body.buyer_accepts_marketing),
        (Channel.SMS, person.sms_marketing_consent, body.buyer_accepts_sms_marketing),
    ):
        # an empty box refuses nothing
        if ticked and consent is None:
            calls.append(
                _consent(
                    user,
                    channel,
                    granted=True,
                    at=_ticked(person, made),
                    of=body_id,
                    proof=f"a box that was ticked for {body_id}",
                )
            )
    return calls


def _ticked(person: Customer, made: datetime) -> datetime:
    """Return the moment of a ticked consent box.

    A guest ticks it there and then. For a customer that Shopify knows, the box repeats what Shopify
    knows, with a new moment. That must not outweigh a no that was said to us since, so the oldest
    possible moment is taken. The customer's own words come by another topic.
    """
    return made if person.id is None else person.created_at or EARLIEST


def _card(
    person: Customer,
    around: Around,
    user: str,
    at: datetime,
    *,
    email: str | None,
    number: str | None,
    others: Mapping[str, str | None] = MappingProxyType({}),
) -> list[Call]:
    """Return the calls about a customer's name, addresses and consents."""
    home, payer, away = person.default_address, around.billing_address, around.shipping_address
    country = home.country_code or payer.country_code or away.country_code
    # a parcel may go to somebody else, so its name comes last; both names are of one person
    named = next((one for one in (person, home, payer, away) if one.first_name), person)
    traits = {
        "email": email,
        "phone": phone(number or home.phone, country),
        "firstName": named.first_name,
        "lastName": named.last_name,
        "locale": around.customer_locale,
        **others,
    }
    changed = person.updated_at or at
    calls = card(user, traits, at=changed)
    for channel, consent in (
        (Channel.EMAIL, person.email_marketing_consent),
        (Channel.SMS, person.sms_marketing_consent),
    ):
        said = None if consent is None else _said(consent, person, changed)
        if said is not None:
            granted, moment = said
            assert consent is not None
            calls.append(
                _consent(
                    user,
                    channel,
                    granted=granted,
                    at=moment,
                    of="customer",
                    address=traits["email" if channel is Channel.EMAIL else "phone"],
                    proof=_proof(consent),
                )
            )
    return calls


def _word(
    channel: Channel,
    consent: Consent,
    user: str,
    address: dict[str, str | None],
    received_at: datetime,
) -> list[Call]:
    """Return the calls for a topic of consent: the word, and the address that it is about."""
    calls = []
    said = _said(consent, None, received_at)
    if said is not None:
        granted, moment = said
        calls.append(
            _consent(
                user,
                channel,
                granted=granted,
                at=moment,
                of="customer",
                address=next(iter(address.values())),
                proof=_proof(consent),
            )
        )
    return [*calls, *card(user, address, at=consent.consent_updated_at or received_at)]


def _said(
    consent: Consent, person: Customer | None, changed: datetime
) -> tuple[bool, datetime] | None:
    """Return a word of consent and its moment; None if nothing was said.

    A yes without a moment gets the oldest possible one, since it must not outweigh a no through one
    of our links; a no without a moment is new. A customer who was never asked has refused nothing.
    """
    granted, moment = GRANTED.get((consent.state or "").lower()), consent.consent_updated_at
    if granted is None or (consent.state == "not_subscribed" and moment is None):
        return None
    if moment is None and granted:
        moment = (person.created_at if person else None) or EARLIEST
    return granted, moment or changed


def _consent(
    user: str,
    channel: Channel,
    *,
    granted: bool,
    at: datetime,
    of: str,
    address: str | None = None,
    proof: str = "",
) -> Call:
    """Return the call for a word; a yes has its circumstances.

    A no has none: the same no with other circumstances would count as another one, new at its
    arrival.
    """
    said: dict[str, Any] = {"marketingConsent": {channel.value: granted}}
    if granted:
        evidence = {"address": address, "proof": f"{SHOP}: {proof}"[:_LONGEST_PROOF]}
        said = {"consents": [{"channel": channel.value, "granted": True, **present(evidence)}]}
    return identify(
        user=user,
        message_id=made_id(user, channel.value, of, "yes" if granted else "no", at),
        at=at,
        traits=said,
    )


def _proof(consent: Consent) -> str:
    """Return how Shopify says that a word came about; it sends no wording."""
    level, place = consent.opt_in_level, consent.consent_collected_from
    return f"{level or 'opt-in level unknown'}{f', collected from {place}' if place else ''}"


def _needed(value: str | None, field: str) -> str:
    if value is None:
        raise BadEvent(field, "is missing")
    return value
