"""Shopify's bodies, as far as they are read: https://shopify.dev/docs/api/webhooks shows them."""

from typing import Annotated, Any

from pydantic import BeforeValidator, model_validator

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

GRANTED = {"subscribed": True, "unsubscribed": False, "not_subscribed": False}
"""Words of consent. Any other one, such as "pending", says nothing yet."""


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

    @model_validator(mode="before")
    @classmethod
    def _without_an_unread_moment(cls, value: Any) -> Any:
        """Leave out the moment of a state that says nothing: nobody reads it."""
        if isinstance(value, dict) and value.get("state") not in list(GRANTED):
            return {"state": value.get("state")}
        return value


MaybeConsent = Annotated[
    Consent | None, BeforeValidator(lambda value: None if value == {} else value)
]
"""A consent; None if nothing at all is said of it."""


class Customer(Body):
    """A customer, as a checkout or an order names one."""

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

    shipping_address: Lenient[Address] = None
    customer_locale: Text = None


class Account(Customer, Around):
    """``customers/create``, ``customers/update``."""

    id: MustNumber


class GoneAccount(Body):
    """``customers/delete``."""

    id: MustNumber


class Cart(Body):
    """``carts/create``, ``carts/update``."""

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


class CheckoutState(Body):
    """The state of a checkout. One that became an order is not read further."""

    completed_at: Moment = None


class Checkout(Purchase):
    """``checkouts/create``, ``checkouts/update``."""

    id: Lenient[Id] = None
    token: MustId
    updated_at: Moment = None


class Order(Purchase):
    """``orders/create``, ``orders/paid``."""

    id: MustId
    checkout_token: Annotated[Id, stands_in_for("cart_token")] = None
    email: Email = None
