"""WooCommerce's webhooks: pure functions from bodies to calls."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sojourn.dispatch.calls import read_call
from sojourn.domain.customer import Erasure
from sojourn.domain.errors import BadEvent
from sojourn.gateway.webhooks.shops.woocommerce import TOPICS, guest, known
from sojourn.gateway.webhooks.source import Call, Nothing
from tests.support.webhooks import payload, told

NOW = datetime(2026, 11, 22, tzinfo=UTC)
GIULIA = known("25")
GUEST = guest(payload("woocommerce_order")["order_key"])


def read(topic: str, name: str, **changes: Any) -> list[Call] | Nothing:
    return TOPICS[topic]({**payload(name), **changes}, NOW)


def calls(topic: str, name: str, **changes: Any) -> list[Call]:
    found = read(topic, name, **changes)
    assert not isinstance(found, Nothing)
    for call in found:
        read_call(call)  # raises if the call does not validate
    return found


def test_an_order_names_no_cart_and_is_told_to_the_guest_as_well() -> None:
    found = calls("order.updated", "woocommerce_order")
    assert told(found) == [
        f"{GIULIA} Order Completed",
        f"{GUEST} Order Completed",
        f"{GIULIA} identify",
    ]
    bought = found[0]["properties"]
    assert "cart_id" not in bought  # an event without a key reaches all of a customer's runs
    assert bought["total"] == "89.80"
    assert bought["products"][1] == {
        "product_id": "23",  # the variation
        "name": "Mug, blue",
        "price": "17.5",
        "quantity": 2,
        "currency": "EUR",
    }
    assert found[2]["traits"]["phone"] == "+393201234567"


def test_moments_without_a_zone_are_utc() -> None:
    found = calls("order.updated", "woocommerce_order", date_paid_gmt="2026-11-20T09:28:09")
    assert found[0]["timestamp"] == "2026-11-20T09:28:09.999999+00:00"
    assert found[2]["timestamp"] == "2026-11-20T09:28:08+00:00"


@pytest.mark.parametrize("status", ["processing", "on-hold", "completed"])
def test_an_order_has_one_id_in_every_status(status: str) -> None:
    found = calls("order.updated", "woocommerce_order", status=status)
    assert found[0]["messageId"] == "woocommerce/order/727"


def test_an_order_that_is_edited_later_keeps_the_moment_of_its_payment() -> None:
    found = calls("order.updated", "woocommerce_order", date_modified_gmt="2027-01-01T00:00:00")
    assert found[0]["timestamp"].startswith("2026-11-20T09:28:08")


@pytest.mark.parametrize("status", ["pending", "failed", "checkout-draft"])
def test_an_unpaid_order_becomes_a_cart_at_the_till(status: str) -> None:
    found = calls("order.created", "woocommerce_order_pending", status=status)
    assert [one for one in told(found) if "identify" not in one] == [
        f"{GIULIA} Checkout Started",
        f"{GIULIA} Product Added",
        f"{GIULIA} Product Added",
        f"{GIULIA} Cart Viewed",
    ]
    assert found[-1]["properties"]["cart_id"] == "order 727"
    assert found[-1]["properties"]["products"][0]["image_url"].endswith("/lamp.jpg")


def test_an_unpaid_order_is_older_than_its_payment_within_one_second() -> None:
    left = calls("order.created", "woocommerce_order_pending")[-1]["timestamp"]
    paid = calls("order.updated", "woocommerce_order", date_paid_gmt="2026-11-20T09:28:02")
    assert left < paid[0]["timestamp"]


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "trash"},
        {"status": "packed", "date_paid_gmt": None},
        {"status": "pending", "created_via": "admin"},
    ],
)
def test_an_order_of_another_status_or_by_staff_makes_no_call(changes: dict[str, str]) -> None:
    assert isinstance(read("order.updated", "woocommerce_order", **changes), Nothing)


def test_an_order_without_an_account_belongs_to_a_guest() -> None:
    found = calls("order.updated", "woocommerce_order", customer_id=0)
    assert told(found) == [f"{GUEST} Order Completed", f"{GUEST} identify"]
    left = calls("order.created", "woocommerce_order_pending", customer_id=0)
    assert {call["userId"] for call in left} == {GUEST}


def test_a_new_account_is_identified_and_signs_up() -> None:
    assert told(calls("customer.created", "woocommerce_customer")) == [
        f"{GIULIA} identify",
        f"{GIULIA} Signed Up",
    ]
    assert told(calls("customer.updated", "woocommerce_customer")) == [f"{GIULIA} identify"]


def test_a_deleted_customer_is_deleted_here_too() -> None:
    found = TOPICS["customer.deleted"]({"id": 25}, NOW)
    assert isinstance(found, list)
    assert isinstance(read_call(found[0], deletes=True), Erasure)
    with pytest.raises(BadEvent, match="is not a call"):  # no write key may send it
        read_call(found[0])


def test_an_order_of_another_status_is_not_read_further() -> None:
    changes = {"status": "trash", "total": "a lot", "line_items": 7, "created_via": 7}
    assert isinstance(read("order.updated", "woocommerce_order", **changes), Nothing)


def test_a_line_without_a_variation_is_named_by_its_product() -> None:
    line = {"variation_id": 0, "product_id": 22, "id": None, "quantity": 1}
    found = calls("order.updated", "woocommerce_order", line_items=[line])
    assert found[0]["properties"]["products"][0]["product_id"] == "22"


def test_an_order_of_a_plugins_status_that_was_paid_was_placed() -> None:
    found = calls("order.updated", "woocommerce_order", status="shipped")
    assert told(found)[0] == f"{GIULIA} Order Completed"


# ---- fractions and pictures ---------------------------------------------------------------


def test_a_fraction_is_one_piece_at_what_the_shopper_pays() -> None:
    found = calls("order.updated", "woocommerce_order_fractions")
    ribbon = found[0]["properties"]["products"][2]
    assert (ribbon["quantity"], ribbon["price"]) == (1, "6.00")
    assert "image_url" not in ribbon  # WordPress says false where there is no picture


@pytest.mark.parametrize(("written", "pieces"), [(2.0, 2), ("2", 2), (0.333, 1), ("", None)])
def test_pieces_are_whole(written: object, pieces: int | None) -> None:
    line = {"product_id": 22, "quantity": written, "price": 3}
    found = calls("order.updated", "woocommerce_order", line_items=[line])
    assert found[0]["properties"]["products"][0].get("quantity") == pieces


@pytest.mark.parametrize("image", [False, None, [], "", {"src": False}, {"src": None}, {"src": 7}])
def test_a_picture_that_is_none_costs_nothing(image: object) -> None:
    line = {"product_id": 22, "quantity": 1, "image": image}
    found = calls("order.updated", "woocommerce_order", line_items=[line])
    assert found[0]["properties"]["products"] == [
        {"product_id": "22", "quantity": 1, "currency": "EUR"}
    ]


# ---- refunds and cancelled orders ---------------------------------------------------------


def test_a_refunded_order_tells_of_each_refund_once() -> None:
    found = calls("order.updated", "woocommerce_order_refunded")
    assert [(c["event"], c["messageId"], c["properties"]["total"]) for c in found] == [
        ("Order Refunded", "woocommerce/refund/728", "17.50"),
        ("Order Refunded", "woocommerce/refund/729", "72.30"),
    ]
    assert found[0]["properties"] == {
        "order_id": "727",
        "total": "17.50",
        "currency": "EUR",
        "reason": "came broken",
    }


def test_a_part_that_is_refunded_leaves_the_order_placed() -> None:
    refunds = payload("woocommerce_order_refunded")["refunds"][:1]
    found = calls("order.updated", "woocommerce_order", refunds=refunds)
    assert [c["event"] for c in found if "event" in c] == [
        "Order Completed",
        "Order Completed",
        "Order Refunded",
    ]


def test_a_refunded_order_without_its_refunds_was_refunded_as_a_whole() -> None:
    found = calls("order.updated", "woocommerce_order", status="refunded")
    assert [(c["messageId"], c["properties"]["total"]) for c in found] == [
        ("woocommerce/order/727/refunded", "89.80")
    ]


def test_a_cancelled_order_is_told_to_the_customer_and_to_the_guest() -> None:
    found = calls("order.updated", "woocommerce_order", status="cancelled")
    assert told(found) == [f"{GIULIA} Order Cancelled", f"{GUEST} Order Cancelled"]


# ---- faults --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"id": None}, "id"),
        ({"status": 7}, "status"),
        ({"customer_id": "giulia@example.com"}, "customer_id"),
    ],
)
def test_a_bad_field_of_a_woocommerce_body_is_refused_with_its_path(
    changes: dict[str, Any], path: str
) -> None:
    with pytest.raises(BadEvent) as caught:
        calls("order.updated", "woocommerce_order", **changes)
    assert caught.value.path == path


@pytest.mark.parametrize(
    "changes",
    [
        {"date_paid_gmt": "soon"},
        {"line_items": [{"product_id": 1, "quantity": -1}]},
        {"line_items": {}},
        {"billing": []},
        {"billing": {"email": False}},
        {"total": "27,50"},
        {"currency": 7},
        {"refunds": "none"},
    ],
)
def test_an_order_counts_whatever_its_decorations_say(changes: dict[str, Any]) -> None:
    found = calls("order.updated", "woocommerce_order", **changes)
    assert told(found)[0] == f"{GIULIA} Order Completed"


def test_an_order_says_which_coupons_it_names() -> None:
    lines = [{"id": 56, "code": "10off", "discount": "10.00", "discount_tax": "0.00"}]
    bought = calls("order.updated", "woocommerce_order", coupon_lines=lines)[0]
    assert bought["properties"]["coupon"] == "10off"
    assert "coupon" not in calls("order.updated", "woocommerce_order")[0]["properties"]
