"""The parts of Shopify's bodies that are read: https://shopify.dev/docs/api/webhooks shows them.

They follow API version 2026-07; bodies of earlier versions have more fields, which are read if
present.
"""

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, model_validator

from sojourn.gateway.webhooks.shops.bodies import (
    Amount,
    Body,
    Email,
    Flag,
    Id,
    Inner,
    Lenient,
    Lines,
    Link,
    Moment,
    MustId,
    MustNumber,
    NeededId,
    Number,
    Pieces,
    Text,
    stands_in_for,
)

GRANTED = {"subscribed": True, "unsubscribed": False, "not_subscribed": False, "redacted": False}
"""States of consent. Any other one, such as "pending", says nothing yet."""
_CONSENTS = ("email_marketing_consent", "sms_marketing_consent")


class ShopMoney(Body):
    """An amount in the shop's own currency."""

    currency_code: Text = None


class MoneySet(Body):
    """An amount in several currencies."""

    shop_money: Inner[ShopMoney]


class Picture(Body):
    """A product's picture."""

    url: Link = None


class Line(Body):
    """A line of a cart, a checkout or an order."""

    discounted_price: Amount = None
    price: Annotated[Amount, stands_in_for("discounted_price")] = None
    variant_id: Id = None
    product_id: Annotated[Id, stands_in_for("variant_id")] = None
    key: Annotated[Id, stands_in_for("variant_id", "product_id")] = None
    id: Annotated[NeededId, stands_in_for("variant_id", "product_id", "key")] = None
    title: Text = None
    presentment_title: Annotated[Text, stands_in_for("title")] = None
    quantity: Pieces = None
    featured_image: Inner[Picture]
    image_url: Annotated[Link, stands_in_for("featured_image.url")] = None
    price_set: Inner[MoneySet]
    discounted_price_set: Lenient[MoneySet] = None
    original_price_set: Lenient[MoneySet] = None
    line_price_set: Lenient[MoneySet] = None


class Address(Body):
    """An address of a customer. Its fields only complete those of the customer."""

    country_code: Lenient[Text] = None
    phone: Lenient[Text] = None
    first_name: Lenient[Text] = None
    last_name: Lenient[Text] = None


class Consent(Body):
    """A customer's word on marketing by one channel."""

    state: Text = None
    consent_updated_at: Moment = None
    opt_in_level: Lenient[Text] = None
    consent_collected_from: Lenient[Text] = None

    @model_validator(mode="before")
    @classmethod
    def _without_an_unread_moment(cls, value: Any) -> Any:
        """Leave out the moment of a state that says nothing: it is never used."""
        if isinstance(value, dict) and value.get("state") not in list(GRANTED):
            return {"state": value.get("state")}
        return value


class WhatsAppWord(Consent):
    """The same for WhatsApp, where moment and place have other names."""

    consent_updated_at: Annotated[Moment, Field(validation_alias="updated_at")] = None
    consent_collected_from: Annotated[Lenient[Text], Field(validation_alias="collected_from")] = (
        None
    )


MaybeConsent = Annotated[
    Consent | None, BeforeValidator(lambda value: None if value == {} else value)
]
"""A consent; None if the body says nothing about it."""


class Customer(Body):
    """A customer, as a checkout or an order names one.

    Bodies before API version 2025-01 also have the consents.
    """

    id: Number = None
    email: Email = None
    phone: Text = None
    first_name: Text = None
    last_name: Text = None
    default_address: Inner[Address]
    state: Lenient[Text] = None
    created_at: Lenient[Moment] = None
    updated_at: Moment = None
    email_marketing_consent: MaybeConsent = None
    sms_marketing_consent: MaybeConsent = None


class Around(Body):
    """Fields of a body that complete those of its customer."""

    billing_address: Inner[Address]
    shipping_address: Inner[Address]
    """An empty list until the shopper types an address."""
    customer_locale: Text = None


class Account(Customer, Around):
    """``customers/create``, ``customers/update``, ``customers/enable``."""

    needed: ClassVar[tuple[str, ...]] = ("id", *_CONSENTS, *(f"{c}.state" for c in _CONSENTS))

    id: MustNumber


class GoneAccount(Body):
    """``customers/delete``."""

    needed: ClassVar[tuple[str, ...]] = ("id",)

    id: MustNumber


class NamedCustomer(Body):
    """The customer of a request of privacy laws."""

    needed: ClassVar[tuple[str, ...]] = ("id",)

    id: MustNumber


class PrivacyRequest(Body):
    """``customers/redact`` and ``customers/data_request``."""

    needed: ClassVar[tuple[str, ...]] = ("customer",)

    customer: NamedCustomer


class GoneShop(Body):
    """``shop/redact``."""

    needed: ClassVar[tuple[str, ...]] = ("shop_id",)

    shop_id: MustNumber


class EmailConsent(Body):
    """``customers_email_marketing_consent/update``."""

    needed: ClassVar[tuple[str, ...]] = (
        "customer_id",
        "email_marketing_consent",
        "email_marketing_consent.state",
    )

    customer_id: MustNumber
    email_address: Email = None
    email_marketing_consent: Consent


class SmsConsent(Body):
    """``customers_marketing_consent/update``."""

    needed: ClassVar[tuple[str, ...]] = (
        "id",
        "sms_marketing_consent",
        "sms_marketing_consent.state",
    )

    id: MustNumber
    phone: Text = None
    sms_marketing_consent: Consent


class WhatsAppConsent(Body):
    """``customers_whats_app_marketing_consent/update``."""

    needed: ClassVar[tuple[str, ...]] = (
        "customer_id",
        "whats_app_marketing_consent",
        "whats_app_marketing_consent.state",
    )

    customer_id: MustNumber
    phone_number: Text = None
    whats_app_marketing_consent: WhatsAppWord


class Merge(Body):
    """``customers/merge``."""

    needed: ClassVar[tuple[str, ...]] = (
        "status",
        "admin_graphql_api_customer_kept_id",
        "admin_graphql_api_customer_deleted_id",
    )

    status: MustId
    admin_graphql_api_customer_kept_id: MustNumber
    admin_graphql_api_customer_deleted_id: MustNumber


class Cart(Body):
    """``carts/create``, ``carts/update``."""

    needed: ClassVar[tuple[str, ...]] = ("token", "id", "line_items")

    token: Id = None
    id: Annotated[NeededId, stands_in_for("token")] = None
    updated_at: Moment = None
    currency: Text = None
    line_items: Lines[Line]


class Purchase(Around):
    """The fields that a checkout and an order share."""

    cart_token: Id = None
    created_at: Moment = None
    customer: Inner[Customer]
    email: Annotated[Email, stands_in_for("customer.email")] = None
    phone: Annotated[Text, stands_in_for("customer.phone")] = None
    total_price: Amount = None
    currency: Text = None
    line_items: Lines[Line]
    buyer_accepts_marketing: Flag = False
    buyer_accepts_sms_marketing: Flag = False
    sms_marketing_phone: Text = None
    """The number that the consent box for SMS is about."""


class CheckoutState(Body):
    """The state of a checkout. One that became an order is not read further."""

    completed_at: Moment = None


class Checkout(Purchase):
    """``checkouts/create``, ``checkouts/update``. Since API version 2026-04 they have no ``id``."""

    needed: ClassVar[tuple[str, ...]] = (
        "token",
        "cart_token",
        "customer",
        "customer.id",
        "line_items",
    )

    token: MustId
    updated_at: Moment = None


class DiscountCode(Body):
    """A code that an order names."""

    code: Lenient[Text] = None


class Order(Purchase):
    """``orders/create``, ``orders/paid``, ``orders/cancelled``."""

    needed: ClassVar[tuple[str, ...]] = ("id", "customer", "customer.id")

    id: MustId
    checkout_token: Annotated[Id, stands_in_for("cart_token")] = None
    email: Email = None
    cancelled_at: Moment = None
    updated_at: Moment = None
    cancel_reason: Text = None
    discount_codes: Lenient[list[Lenient[DiscountCode]]] = None


class RefundLine(Body):
    """A refunded line of an order."""

    quantity: Pieces = None
    line_item: Line
    subtotal_set: Inner[MoneySet]


class Transaction(Body):
    """A payment."""

    kind: Text = None
    status: Text = None
    amount: Amount = None
    currency: Text = None


class Fulfillment(Body):
    """``fulfillments/create``, ``fulfillments/update``. It names the order, and no customer."""

    needed: ClassVar[tuple[str, ...]] = ("id", "order_id")

    id: MustId
    order_id: MustId
    status: Text = None
    shipment_status: Text = None
    created_at: Moment = None
    updated_at: Moment = None
    tracking_company: Text = None
    tracking_number: Id = None
    tracking_numbers: Lines[Id]
    tracking_url: Link = None
    tracking_urls: Lines[Link]


class FulfillmentEvent(Body):
    """``fulfillment_events/create``. It names the fulfillment and the order, and no parcel."""

    needed: ClassVar[tuple[str, ...]] = ("fulfillment_id", "order_id", "status")

    fulfillment_id: MustId
    order_id: MustId
    status: MustId
    happened_at: Moment = None
    created_at: Moment = None
    estimated_delivery_at: Moment = None


class Refund(Body):
    """``refunds/create``. It names the order, but neither its customer nor its cart."""

    needed: ClassVar[tuple[str, ...]] = ("id", "order_id")

    id: MustId
    order_id: MustId
    processed_at: Moment = None
    created_at: Moment = None
    note: Text = None
    refund_line_items: Lines[RefundLine]
    transactions: Lines[Transaction]
