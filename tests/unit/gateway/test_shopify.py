"""Shopify's webhooks: pure functions from bodies to calls."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sojourn.dispatch.calls import read_call
from sojourn.domain.errors import BadEvent
from sojourn.domain.events import SHIPPED, Event, read_event
from sojourn.gateway.tracking.tracking import CALL_LIMIT
from sojourn.gateway.webhooks.shops.shopify import TOPICS, guest, known
from sojourn.gateway.webhooks.source import Call, Nothing
from sojourn.rendering.cart import cart_items
from tests.support.webhooks import payload, told

NOW = datetime(2026, 11, 22, tzinfo=UTC)
GIULIA = known("207119551")
CART = str(payload("shopify_cart")["token"])
GUEST = guest(CART)


def calls(topic: str, name: str, **changes: Any) -> list[Call]:
    found = TOPICS[topic]({**payload(name), **changes}, NOW)
    assert not isinstance(found, Nothing)
    for call in found:
        read_call(call)  # raises if the call does not validate
    return found


def only(found: list[Call], event: str, user: str | None = None) -> Call:
    (call,) = (c for c in found if c.get("event") == event and user in (None, c["userId"]))
    return call


def traits(found: list[Call], user: str = GIULIA) -> list[dict[str, Any]]:
    return [c["traits"] for c in found if c["type"] == "identify" and c["userId"] == user]


def consents(found: list[Call]) -> list[tuple[dict[str, bool], str]]:
    return [
        (c["traits"]["marketingConsent"], c["timestamp"])
        for c in found
        if "marketingConsent" in c.get("traits", {})
    ]


# ---- carts ---------------------------------------------------------------------------------


def test_a_cart_becomes_a_product_added_for_each_line_and_a_cart_viewed() -> None:
    found = calls("carts/update", "shopify_cart")
    assert told(found) == [
        f"{GUEST} Product Added",
        f"{GUEST} Product Added",
        f"{GUEST} Cart Viewed",
    ]
    assert found[1]["properties"] == {
        "cart_id": CART,
        "product_id": "49148386",
        "name": "Mug, blue",
        "price": "17.50",
        "quantity": 2,
        "currency": "EUR",
    }
    assert found[2]["timestamp"] == "2026-11-20T09:30:00.123000+00:00"
    assert [p["product_id"] for p in found[2]["properties"]["products"]] == ["49148385", "49148386"]


def test_a_cart_in_the_same_state_has_the_same_ids_and_a_later_one_has_others() -> None:
    once = [c["messageId"] for c in calls("carts/create", "shopify_cart")]
    again = [c["messageId"] for c in calls("carts/update", "shopify_cart")]
    later = calls("carts/update", "shopify_cart", updated_at="2026-11-20T09:31:00.000Z")
    assert once == again
    assert len({*once, *(c["messageId"] for c in later)}) == 6


def test_the_cart_holds_the_lines_that_were_sent_last() -> None:
    lamp, mug = payload("shopify_cart")["line_items"]
    sent = [[lamp], [lamp, mug], [lamp, mug], [{**mug, "quantity": 3}]]
    happened: list[Event] = []
    for minute, lines in enumerate(sent):
        at = f"2026-11-20T09:3{minute}:00.000Z"
        happened += [
            read_event(
                SHIPPED.named(call["event"]),
                call["properties"],
                message_id=call["messageId"],
                customer_id=call["userId"],
                at=call["timestamp"],
            )
            for call in calls("carts/update", "shopify_cart", updated_at=at, line_items=lines)
        ]
    assert [(item.name, item.quantity) for item in cart_items(happened)] == [("Mug, blue", 3)]


def test_an_emptied_cart_becomes_a_cart_viewed_without_products() -> None:
    (seen,) = calls("carts/update", "shopify_cart", line_items=[])
    assert seen["properties"] == {"cart_id": CART, "products": []}


def test_a_guests_id_does_not_reveal_the_cart_token() -> None:
    assert CART not in GUEST
    assert guest("another") != GUEST


# ---- checkouts -----------------------------------------------------------------------------


def test_a_checkout_gives_the_cart_to_its_customer() -> None:
    found = calls("checkouts/update", "shopify_checkout")
    assert [one for one in told(found) if "identify" not in one] == [
        f"{GIULIA} Checkout Started",
        f"{GIULIA} Product Added",
        f"{GIULIA} Product Added",
        f"{GIULIA} Cart Viewed",
    ]
    assert only(found, "Checkout Started")["properties"] == {
        "cart_id": CART,
        "value": "89.80",
        "currency": "EUR",
    }
    assert traits(found)[0] == {
        "email": "giulia@example.com",
        "phone": "+393201234567",
        "firstName": "Giulia",
        "lastName": "Bianchi",
        "locale": "it-IT",
    }


def test_a_checkout_takes_the_guests_addresses_away() -> None:
    found = calls("checkouts/update", "shopify_checkout")
    assert traits(found, GUEST) == [{"email": "", "phone": ""}]


def test_a_guests_checkout_belongs_to_the_guest_of_the_cart() -> None:
    found = calls("checkouts/update", "shopify_checkout_guest")
    assert {call["userId"] for call in found} == {GUEST}
    assert traits(found, GUEST)[0] == {"email": "giulia@example.com", "locale": "it-IT"}


def test_a_checkout_without_a_cart_token_uses_its_own_token() -> None:
    found = calls("checkouts/update", "shopify_checkout_guest", cart_token=None)
    token = payload("shopify_checkout_guest")["token"]
    assert {call["userId"] for call in found} == {guest(token)}
    assert only(found, "Cart Viewed")["properties"]["cart_id"] == token


def test_a_completed_checkout_makes_no_call() -> None:
    body = {**payload("shopify_checkout"), "completed_at": "2026-11-20T10:33:00+01:00"}
    assert isinstance(TOPICS["checkouts/update"](body, NOW), Nothing)


# ---- orders --------------------------------------------------------------------------------


def test_an_order_ends_the_cart_of_the_customer_and_of_the_guest() -> None:
    found = calls("orders/create", "shopify_order")
    assert told(found)[:2] == [f"{GIULIA} Order Completed", f"{GUEST} Order Completed"]
    bought, of_guest = found[:2]
    assert bought["properties"]["cart_id"] == of_guest["properties"]["cart_id"] == CART
    assert bought["properties"]["total"] == "89.80"
    assert bought["properties"]["email"] == "giulia@example.com"
    assert [p["quantity"] for p in bought["properties"]["products"]] == [1, 2]
    assert set(of_guest["properties"]) == {"order_id", "cart_id"}


def test_an_order_that_is_created_and_paid_is_one_event() -> None:
    created = only(calls("orders/create", "shopify_order"), "Order Completed", GIULIA)
    paid = calls("orders/paid", "shopify_order", updated_at="2026-11-21T10:33:01+01:00")
    assert created == only(paid, "Order Completed", GIULIA)


def test_an_order_is_later_than_a_cart_of_the_same_second() -> None:
    cart = calls("carts/update", "shopify_cart", updated_at="2026-11-20T09:33:00.700Z")[0]
    order = calls("orders/create", "shopify_order")[0]
    assert order["timestamp"] > cart["timestamp"]


def test_an_order_without_a_customer_belongs_to_the_guest() -> None:
    found = calls("orders/create", "shopify_order", customer=None)
    assert only(found, "Order Completed")["userId"] == GUEST


def test_an_order_without_a_cart_token_names_no_cart() -> None:
    found = calls("orders/create", "shopify_order", cart_token=None)
    assert "cart_id" not in only(found, "Order Completed", GIULIA)["properties"]


@pytest.mark.parametrize("title", ["x", "x" * 10_000, "\N{PARTY POPPER}" * 10_000])
def test_a_long_order_stays_small_enough_to_be_taken(title: str) -> None:
    line = {**payload("shopify_order")["line_items"][0], "title": title}
    found = calls("orders/create", "shopify_order", line_items=[line] * 1000)
    bought = only(found, "Order Completed", GIULIA)
    assert len(bought["properties"]["products"]) in range(5, 101)
    assert len(json.dumps(bought)) < CALL_LIMIT


# ---- customers -----------------------------------------------------------------------------


def test_each_consent_has_its_own_moment() -> None:
    assert consents(calls("customers/update", "shopify_customer")) == [
        ({"email": True}, "2026-11-02T09:15:00+00:00"),
        ({"sms": False}, "2026-11-01T07:00:00+00:00"),  # never asked: from the beginning
    ]


@pytest.mark.parametrize("state", ["pending", "invalid", "redacted", None])
def test_an_undecided_state_is_no_consent(state: str | None) -> None:
    consent = {"state": state, "consent_updated_at": "2026-11-02T10:15:00+01:00"}
    changes = {"email_marketing_consent": consent, "sms_marketing_consent": None}
    assert consents(calls("customers/update", "shopify_customer", **changes)) == []


@pytest.mark.parametrize(
    ("state", "granted", "moment"),
    [("subscribed", True, "2026-11-01T07"), ("unsubscribed", False, "2026-11-20T09")],
)
def test_a_consent_without_a_moment_is_old_and_a_refusal_is_new(
    state: str, granted: bool, moment: str
) -> None:
    consent = {"state": state, "consent_updated_at": None}
    (first, _) = consents(
        calls("customers/update", "shopify_customer", email_marketing_consent=consent)
    )
    assert first[0] == {"email": granted}
    assert first[1].startswith(moment)


def test_a_ticked_box_counts_for_a_guest_and_not_beside_a_consent() -> None:
    moments = [at for said, at in consents(calls("orders/create", "shopify_order"))]
    assert all(at < "2026-11-20" for at in moments)
    guests = consents(calls("orders/create", "shopify_order", customer=None))
    assert guests == [({"email": True}, "2026-11-20T09:33:00+00:00")]


def test_a_new_account_signs_up_and_an_updated_or_disabled_one_does_not() -> None:
    assert "Signed Up" in str(told(calls("customers/create", "shopify_customer")))
    assert "Signed Up" not in str(told(calls("customers/update", "shopify_customer")))
    cards = calls("customers/create", "shopify_customer", state="disabled")
    assert "Signed Up" not in str(told(cards))


def test_an_unreadable_phone_number_is_left_out_and_the_email_is_kept() -> None:
    found = calls("customers/update", "shopify_customer", phone="call me", default_address=None)
    assert traits(found)[0]["email"] == "giulia@example.com"
    assert "phone" not in traits(found)[0]


def test_a_deleted_customer_has_no_addresses() -> None:
    found = TOPICS["customers/delete"]({"id": 207119551, "addresses": []}, NOW)
    assert isinstance(found, list)
    assert traits(found) == [{"email": "", "phone": ""}]
    assert datetime.fromisoformat(found[0]["timestamp"]) - NOW < timedelta(seconds=1)


# ---- fields that stand in for others ------------------------------------------------------


@pytest.mark.parametrize(
    ("topic", "name", "changes"),
    [
        ("carts/update", "shopify_cart", {"id": True}),
        ("checkouts/update", "shopify_checkout", {"id": [], "shipping_address": "home"}),
        ("orders/create", "shopify_order", {"checkout_token": {}, "shipping_address": 7}),
        ("customers/update", "shopify_customer", {"created_at": "once", "state": 7}),
        ("customers/update", "shopify_customer", {"default_address": {"phone": 7}}),
    ],
)
def test_a_field_that_nobody_needs_costs_no_webhook(
    topic: str, name: str, changes: dict[str, Any]
) -> None:
    assert calls(topic, name, **changes)


def test_a_field_of_a_line_that_nobody_needs_costs_no_cart() -> None:
    line = payload("shopify_cart")["line_items"][0]
    spoiled = {**line, "product_id": True, "key": [], "id": None, "presentment_title": 7}
    changed = calls("carts/update", "shopify_cart", line_items=[spoiled])
    assert changed == calls("carts/update", "shopify_cart", line_items=[line])


@pytest.mark.parametrize(
    ("left", "found"),
    [
        ({"variant_id": 1, "product_id": 2, "key": "3", "id": 4}, "1"),
        ({"product_id": 2, "key": "3", "id": 4}, "2"),
        ({"key": "3", "id": 4}, "3"),
        ({"id": 4}, "4"),
    ],
)
def test_the_first_id_of_a_line_names_its_product(left: dict[str, Any], found: str) -> None:
    added = calls("carts/update", "shopify_cart", line_items=[left])[0]
    assert added["properties"]["product_id"] == found


def test_a_line_without_any_id_is_refused_with_its_path() -> None:
    with pytest.raises(BadEvent, match=r"^line_items\.1\.id: is missing$"):
        calls("carts/update", "shopify_cart", line_items=[{"id": 1}, {"title": "x"}])


def test_a_completed_checkout_is_not_read_further() -> None:
    body = {"completed_at": "2026-11-20T10:33:00+01:00", "total_price": "a lot"}
    assert isinstance(TOPICS["checkouts/update"](body, NOW), Nothing)


# ---- faults --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("topic", "name", "changes", "path"),
    [
        ("carts/update", "shopify_cart", {"line_items": [{"price": "x"}]}, "line_items.0.price"),
        ("carts/update", "shopify_cart", {"line_items": {}}, "line_items"),
        ("carts/update", "shopify_cart", {"updated_at": "yesterday"}, "updated_at"),
        ("checkouts/update", "shopify_checkout", {"token": None}, "token"),
        ("checkouts/update", "shopify_checkout", {"customer": {"id": True}}, "customer.id"),
        ("orders/create", "shopify_order", {"id": None}, "id"),
        ("orders/create", "shopify_order", {"total_price": "1e5"}, "total_price"),
        ("orders/create", "shopify_order", {"line_items": [None]}, "line_items.0"),
        ("customers/update", "shopify_customer", {"email": 7}, "email"),
    ],
)
def test_a_bad_field_of_a_shopify_body_is_refused_with_its_path(
    topic: str, name: str, changes: dict[str, Any], path: str
) -> None:
    with pytest.raises(BadEvent) as caught:
        calls(topic, name, **changes)
    assert caught.value.path == path
