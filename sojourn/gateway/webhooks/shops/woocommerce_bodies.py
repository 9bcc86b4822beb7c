"""The parts of WooCommerce's bodies that are read: those of its REST API, version 3.

https://developer.woocommerce.com/docs/apis/rest-api/v3/orders/ shows them.
"""

from typing import Annotated, ClassVar

from pydantic import AfterValidator

from sojourn.gateway.webhooks.shops.bodies import (
    Amount,
    Body,
    Email,
    Id,
    Inner,
    Lenient,
    Lines,
    Link,
    MustId,
    MustNumber,
    NeededId,
    Number,
    Pieces,
    Text,
    UtcMoment,
    stands_in_for,
)

VariationId = Annotated[Id, AfterValidator(lambda value: None if value == "0" else value)]
"""The id of a variation; WooCommerce writes 0 for none."""


class Picture(Body):
    """A product's picture."""

    src: Link = None


class Line(Body):
    """A line of an order."""

    variation_id: VariationId = None
    product_id: Annotated[Id, stands_in_for("variation_id")] = None
    id: Annotated[NeededId, stands_in_for("variation_id", "product_id")] = None
    name: Text = None
    price: Amount = None
    quantity: Pieces = None
    image: Inner[Picture]


class CouponLine(Body):
    """A coupon of an order."""

    code: Lenient[Text] = None


class Billing(Body):
    """The customer's name and addresses, as an order has them."""

    email: Email = None
    phone: Text = None
    country: Text = None
    first_name: Text = None
    last_name: Text = None


class AccountBilling(Billing):
    """The same in an account, where they only complete the account's own."""

    email: Lenient[Email] = None
    first_name: Lenient[Text] = None
    last_name: Lenient[Text] = None


class OrderState(Body):
    """The status of an order, which decides which of its other fields are read."""

    needed: ClassVar[tuple[str, ...]] = ("id", "status")

    id: MustId
    status: Text = None
    created_via: Lenient[Text] = None
    date_paid_gmt: Lenient[UtcMoment] = None


class Refund(Body):
    """A refund; the shop writes the amount with a minus."""

    id: MustId
    reason: Text = None
    total: Amount = None


class Order(Body):
    """The fields that placed and unpaid orders share."""

    needed: ClassVar[tuple[str, ...]] = ("id", "customer_id")

    id: MustId
    customer_id: Number = None
    order_key: Id = None
    date_modified_gmt: UtcMoment = None
    total: Amount = None
    currency: Text = None
    billing: Inner[Billing]
    line_items: Lines[Line]
    refunds: Lines[Refund]
    coupon_lines: Lenient[list[Lenient[CouponLine]]] = None


class PlacedOrder(Order):
    """An order that was placed."""

    date_paid_gmt: UtcMoment = None


class LeftOrder(Order):
    """An order that waits for its payment, which counts as a cart."""

    needed: ClassVar[tuple[str, ...]] = ("id", "customer_id", "line_items")

    date_created_gmt: UtcMoment = None


class Account(Body):
    """``customer.created``, ``customer.updated``."""

    needed: ClassVar[tuple[str, ...]] = ("id",)

    id: MustNumber
    date_created_gmt: UtcMoment = None
    date_modified_gmt: UtcMoment = None
    email: Email = None
    first_name: Text = None
    last_name: Text = None
    billing: Inner[AccountBilling]


class GoneAccount(Body):
    """``customer.deleted``."""

    needed: ClassVar[tuple[str, ...]] = ("id",)

    id: MustNumber
