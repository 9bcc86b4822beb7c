"""Events of accounts, carts, orders and subscriptions, named as Segment names them.

https://segment.com/docs/connections/spec/ecommerce/v2/ and .../spec/b2b-saas/ name the events and
their properties. An event is one class; its wire name is Segment's.
"""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from sojourn.domain.events.base import Event
from sojourn.domain.events.fields import (
    Currency,
    Identifier,
    Key,
    Moment,
    Money,
    Personal,
    Quantity,
)


class SignedUp(Event, name="Signed Up"):
    """Somebody opened an account."""

    plan: Personal = None
    email: Personal = None
    first_name: Personal = None


class SignedIn(Event, name="Signed In"):
    """Somebody signed in to their account."""


class AccountActivated(Event, name="Account Activated"):
    """The account is in use: the first meaningful thing was done with it."""


class FeatureUsed(Event, name="Feature Used"):
    """A feature of the product was used."""

    feature: Identifier


class Product(BaseModel):
    """A line of a cart or an order, as Segment shapes it."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)

    also_called: ClassVar[Mapping[str, str]] = {"id": "product_id"}
    """Further names of fields: the first version of Segment's specification calls it ``id``."""

    product_id: Identifier
    name: Personal = None
    category: Personal = None
    image_url: Personal = None
    url: Personal = None
    price: Money | None = None
    quantity: Quantity = 1
    currency: Currency | None = None


class ProductViewed(Event, Product, name="Product Viewed"):
    """The page of a product was looked at."""


class ProductAdded(Event, Product, name="Product Added"):
    """A product was put into a cart."""

    cart_id: Key | None = None


class ProductRemoved(Event, Product, name="Product Removed"):
    """A product was taken out of a cart."""

    cart_id: Key | None = None


class ProductOutOfStock(Event, name="Product Out of Stock"):
    """A product that concerns the customer, because it is in a cart, say, is out of stock."""

    product_id: Identifier


class CartViewed(Event, name="Cart Viewed"):
    """The cart was seen as a whole: ``products`` is all that is in it."""

    cart_id: Key | None = None
    products: tuple[Product, ...] | None = None


class CheckoutStarted(Event, name="Checkout Started"):
    """The customer began to check out."""

    cart_id: Key | None = None
    value: Money | None = None
    currency: Currency | None = None


class OrderCompleted(Event, name="Order Completed"):
    """An order was placed."""

    order_id: Identifier
    cart_id: Key | None = None
    total: Money | None = None
    subtotal: Money | None = None
    shipping: Money | None = None
    tax: Money | None = None
    discount: Money | None = None
    currency: Currency | None = None
    products: tuple[Product, ...] = ()
    coupon: Personal = None
    """The codes that the order names, with commas between them."""
    email: Personal = None
    shipping_address: Personal = None


class OrderCancelled(Event, name="Order Cancelled"):
    """An order that was placed will not be carried out."""

    order_id: Identifier
    cart_id: Key | None = None
    total: Money | None = None
    currency: Currency | None = None
    products: tuple[Product, ...] = ()
    reason: Personal = None


class OrderRefunded(Event, name="Order Refunded"):
    """Money for an order was given back, all of it or a part."""

    order_id: Identifier
    total: Money | None = None
    currency: Currency | None = None
    products: tuple[Product, ...] = ()
    reason: Personal = None


class SubscriptionStarted(Event, name="Subscription Started"):
    """A subscription began. `price` is that of this period, `next_price` that of a renewal."""

    subscription_id: Identifier
    expires_at: Moment
    renews_until: Moment | None = None
    """The end of the period that a renewal pays for."""
    trial: bool | None = None
    """The period costs nothing, to try the subscription out."""
    plan: Personal = None
    price: Money | None = None
    next_price: Money | None = None
    currency: Currency | None = None


class SubscriptionRenewed(SubscriptionStarted, name="Subscription Renewed"):
    """A subscription was paid for another period, which ends at ``expires_at``."""


class SubscriptionChanged(Event, name="Subscription Changed"):
    """A subscription's plan, price or end changed; it is renewed at the new price."""

    subscription_id: Identifier
    expires_at: Moment | None = None
    renews_until: Moment | None = None
    trial: bool | None = None
    plan: Personal = None
    price: Money | None = None
    next_price: Money | None = None
    currency: Currency | None = None


class SubscriptionCancelled(Event, name="Subscription Cancelled"):
    """A subscription will not be renewed."""

    subscription_id: Identifier
    reason: Personal = None


class RenewalRequested(Event, name="Renewal Requested"):
    """A customer asked for a renewal, on the page that a reminder leads to."""

    subscription_id: Identifier
    expires_at: Moment
    """The end of the period that runs: the renewal is of the next one."""
    renews_until: Moment | None = None
    plan: Personal = None
    price: Money | None = None
    """As the page showed it."""
    currency: Currency | None = None
