"""Shopify's webhooks: pure functions from bodies to calls."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sojourn.dispatch.calls import read_call
from sojourn.domain.customer import Erasure
from sojourn.domain.errors import BadEvent
from sojourn.domain.events import SHIPPED, Event, read_event
from sojourn.gateway.tracking.tracking import CALL_LIMIT
from sojourn.gateway.webhooks.shops.shopify import TOPICS, Shopify, guest, known
from sojourn.gateway.webhooks.source import Call, Depending, Nothing
from sojourn.rendering.cart import cart_items
from tests.support.webhooks import payload, told

NOW = datetime(2026, 11, 22, tzinfo=UTC)
GIULIA = known("207119551")
CART = str(payload("shopify_cart")["token"])
GUEST = guest(CART)


def calls(topic: str, name: str, **changes: Any) -> list[Call]:
    """Return the calls of a topic that hang on nothing."""
    found = TOPICS[topic]({**payload(name), **changes}, NOW)
    assert not isinstance(found, Nothing)
    plain = [call for call in found if not isinstance(call, Depending)]
    for call in plain:
        read_call(call)  # raises if the call does not validate
    return plain


def hanging(topic: str, name: str, **changes: Any) -> list[Depending]:
    """Return the calls of a topic that hang on what the store knows."""
    found = TOPICS[topic]({**payload(name), **changes}, NOW)
    assert not isinstance(found, Nothing)
    return [call for call in found if isinstance(call, Depending)]


def only(found: list[Call], event: str, user: str | None = None) -> Call:
    (call,) = (c for c in found if c.get("event") == event and user in (None, c["userId"]))
    return call


def traits(found: list[Call], user: str = GIULIA) -> list[dict[str, Any]]:
    return [c["traits"] for c in found if c["type"] == "identify" and c["userId"] == user]


def consents(found: list[Call]) -> list[tuple[dict[str, bool], str]]:
    told = []
    for call in found:
        said = dict(call.get("traits", {}).get("marketingConsent", {}))
        said |= {one["channel"]: one["granted"] for one in evidence(call)}
        told += [(said, call["timestamp"])] if said else []
    return told


def evidence(call: Call) -> list[dict[str, Any]]:
    return list(call.get("traits", {}).get("consents", ()))


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
    assert traits(found, GUEST) == [{"email": "", "phone": "", "phone2": "", "pushToken": ""}]


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


WORD = {"state": "subscribed", "consent_updated_at": "2026-11-02T10:15:00+01:00"}


def test_the_topics_of_consent_tell_yes_and_no_with_their_own_moments() -> None:
    for topic, name, channel in (
        ("customers_email_marketing_consent/update", "shopify_email_consent", "email"),
        ("customers_marketing_consent/update", "shopify_sms_consent", "sms"),
        ("customers_whats_app_marketing_consent/update", "shopify_whatsapp_consent", "whatsapp"),
    ):
        found = calls(topic, name)
        assert consents(found) == [({channel: True}, "2026-11-02T09:15:00+00:00")]
        assert {call["userId"] for call in found} == {GIULIA}
        (field,) = (f for f in payload(name) if f.endswith("consent"))
        word = {**payload(name)[field], "state": "UNSUBSCRIBED"}
        assert consents(calls(topic, name, **{field: word}))[0][0] == {channel: False}


@pytest.mark.parametrize(
    ("topic", "name", "address", "place"),
    [
        ("customers_email_marketing_consent/update", "email", "giulia@example.com", ""),
        ("customers_marketing_consent/update", "sms", "+393201234567", ", collected from other"),
        ("customers_whats_app_marketing_consent/update", "whatsapp", "+393201234567",
         ", collected from other"),
    ],
)  # fmt: skip
def test_a_yes_has_the_address_and_how_it_came_about(
    topic: str, name: str, address: str, place: str
) -> None:
    sample = f"shopify_{name}_consent"
    (said,) = [one for call in calls(topic, sample) for one in evidence(call)]
    assert said == {
        "channel": name,
        "granted": True,
        "address": address,
        "proof": f"shopify: single_opt_in{place}",
    }
    (field,) = (f for f in payload(sample) if f.endswith("consent"))
    odd = {**payload(sample)[field], "opt_in_level": {"not": "text"}}
    (said,) = [one for call in calls(topic, sample, **{field: odd}) for one in evidence(call)]
    assert said["proof"].startswith("shopify: opt-in level unknown"), "no reason to lose a word"


def test_a_topic_of_consent_names_the_address_that_it_is_about() -> None:
    sms = calls("customers_marketing_consent/update", "shopify_sms_consent")
    assert {"phone": "+393201234567"} in traits(sms)
    email = calls("customers_email_marketing_consent/update", "shopify_email_consent")
    assert {"email": "giulia@example.com"} in traits(email)


def test_a_consent_that_cannot_be_read_is_refused() -> None:
    topic, name = "customers_email_marketing_consent/update", "shopify_email_consent"
    for word in ("no", None, 7, {"state": 7}):
        with pytest.raises(BadEvent, match=r"^email_marketing_consent"):
            calls(topic, name, email_marketing_consent=word)


def test_customers_of_earlier_versions_carry_their_consents_themselves() -> None:
    sms = {"state": "unsubscribed", "consent_updated_at": "2026-11-03T08:00:00Z"}
    changes = {"email_marketing_consent": WORD, "sms_marketing_consent": sms}
    assert consents(calls("customers/update", "shopify_customer", **changes)) == [
        ({"email": True}, "2026-11-02T09:15:00+00:00"),
        ({"sms": False}, "2026-11-03T08:00:00+00:00"),
    ]


@pytest.mark.parametrize("state", ["pending", "invalid", "not_subscribed", None])
def test_an_undecided_state_is_no_consent(state: str | None) -> None:
    changes = {"email_marketing_consent": {"state": state, "consent_updated_at": None}}
    assert consents(calls("customers/update", "shopify_customer", **changes)) == []


@pytest.mark.parametrize(
    ("state", "granted", "moment"),
    [
        ("subscribed", True, "2026-11-01T07"),
        ("unsubscribed", False, "2026-11-20T09"),
        ("redacted", False, "2026-11-20T09"),
    ],
)
def test_a_consent_without_a_moment_is_old_and_a_refusal_is_new(
    state: str, granted: bool, moment: str
) -> None:
    consent = {"state": state, "consent_updated_at": None}
    (only_one,) = consents(
        calls("customers/update", "shopify_customer", email_marketing_consent=consent)
    )
    assert only_one[0] == {"email": granted}
    assert only_one[1].startswith(moment)


def test_a_yes_of_a_topic_without_a_moment_loses_against_every_no() -> None:
    word = {"state": "subscribed", "consent_updated_at": None}
    topic, name = "customers_email_marketing_consent/update", "shopify_email_consent"
    assert consents(calls(topic, name, email_marketing_consent=word)) == [
        ({"email": True}, "1970-01-01T00:00:00+00:00")
    ]


def test_a_ticked_box_is_new_for_a_guest_and_old_for_a_known_customer() -> None:
    # a no of last week stays a no: the box of a known customer repeats what the shop knows
    for topic, name in (
        ("orders/create", "shopify_order"),
        ("checkouts/update", "shopify_checkout"),
    ):
        known_ones = consents(calls(topic, name))
        assert known_ones == [({"email": True}, "1970-01-01T00:00:00+00:00")]
    (box,) = [one for call in calls("orders/create", "shopify_order") for one in evidence(call)]
    assert box["proof"] == f"shopify: a box that was ticked for {payload('shopify_order')['id']}"
    guests = consents(calls("orders/create", "shopify_order", customer=None))
    assert guests == [({"email": True}, "2026-11-20T09:33:00+00:00")]
    beside = {**payload("shopify_order")["customer"], "email_marketing_consent": WORD}
    assert consents(calls("orders/create", "shopify_order", customer=beside)) == [
        ({"email": True}, "2026-11-02T09:15:00+00:00")
    ]


def test_the_box_for_sms_is_about_its_own_number() -> None:
    box = {"buyer_accepts_sms_marketing": True, "sms_marketing_phone": "+39 320 7654321"}
    found = calls("checkouts/update", "shopify_checkout_guest", **box)
    assert traits(found, GUEST)[0]["phone"] == "+393207654321"
    assert ({"sms": True}, "2026-11-20T09:30:30+00:00") in consents(found)
    unticked = {**box, "buyer_accepts_sms_marketing": False, "phone": "+39 320 1234567"}
    found = calls("checkouts/update", "shopify_checkout_guest", **unticked)
    assert traits(found, GUEST)[0]["phone"] == "+393201234567"
    assert "sms" not in str(consents(found))


def test_a_new_account_signs_up_once_whichever_topic_tells_of_it_first() -> None:
    made = only(calls("customers/create", "shopify_customer"), "Signed Up")
    enabled = only(calls("customers/enable", "shopify_customer"), "Signed Up")
    (updated,) = hanging("customers/update", "shopify_customer")
    assert updated.if_said == ("shopifyState", "disabled")
    assert made["messageId"] == enabled["messageId"] == updated.call["messageId"]
    assert made["timestamp"] == "2026-11-01T07:00:00+00:00"
    assert enabled["timestamp"] == updated.call["timestamp"] == "2026-11-20T09:31:05+00:00"


def test_a_disabled_card_signs_nobody_up() -> None:
    for topic in ("customers/create", "customers/update"):
        found = TOPICS[topic]({**payload("shopify_customer"), "state": "disabled"}, NOW)
        assert "Signed Up" not in str(found)


def test_customers_enable_signs_up_whatever_state_its_body_shows() -> None:
    found = calls("customers/enable", "shopify_customer", state="disabled")
    assert only(found, "Signed Up")
    assert traits(found)[0]["shopifyState"] == "enabled"


def test_the_first_update_of_a_new_account_signs_up_though_nobody_told_of_its_making() -> None:
    found = calls("customers/update", "shopify_customer", created_at="2026-11-20T08:00:00Z")
    assert only(found, "Signed Up")


def test_merged_customers_become_one() -> None:
    (alias,) = calls("customers/merge", "shopify_merge")
    assert (alias["type"], alias["userId"], alias["previousId"]) == (
        "alias",
        GIULIA,
        known("207119552"),
    )
    for status in ("failed", "in_progress", "requested"):
        body = {**payload("shopify_merge"), "status": status}
        assert isinstance(TOPICS["customers/merge"](body, NOW), Nothing)


def test_an_unreadable_phone_number_is_left_out_and_the_email_is_kept() -> None:
    found = calls("customers/update", "shopify_customer", phone="call me", default_address=None)
    assert traits(found)[0]["email"] == "giulia@example.com"
    assert "phone" not in traits(found)[0]


def test_a_deleted_customer_is_left_with_nothing_to_be_reached_by() -> None:
    found = TOPICS["customers/delete"]({"id": 207119551, "addresses": []}, NOW)
    assert not isinstance(found, Nothing)
    (left,) = found
    assert isinstance(left, Depending)
    assert left.if_itself  # a customer who was merged is deleted, too; the kept one stays
    gone = read_call(left.call, deletes=True)
    assert isinstance(gone, Erasure)
    assert gone.customer_id == "shopify:207119551"
    assert gone.at - NOW < timedelta(seconds=1)


# ---- names ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, ("Giulia", "Bianchi")),
        ({"customer": None}, ("Bob", "Biller")),
        ({"customer": None, "billing_address": None}, ("Steve", "Shipper")),
        ({"customer": None, "billing_address": [], "shipping_address": []}, (None, None)),
    ],
)
def test_a_name_comes_from_the_customer_then_the_bill_then_the_parcel(
    changes: dict[str, Any], name: tuple[str | None, str | None]
) -> None:
    bill = {"first_name": "Bob", "last_name": "Biller"}
    parcel = {"first_name": "Steve", "last_name": "Shipper"}
    changes = {"billing_address": bill, "shipping_address": parcel, **changes}
    found = calls("checkouts/update", "shopify_checkout", **changes)
    card = next(t for who in (GIULIA, GUEST) for t in traits(found, who) if t.get("email"))
    assert (card.get("firstName"), card.get("lastName")) == name


# ---- refunds and cancelled orders ---------------------------------------------------------


def test_a_cancelled_order_is_told_to_the_customer_and_to_the_guest() -> None:
    changes = {"cancelled_at": "2026-11-24T09:00:00+01:00", "cancel_reason": "customer"}
    found = calls("orders/cancelled", "shopify_order", **changes)
    assert told(found) == [f"{GIULIA} Order Cancelled", f"{GUEST} Order Cancelled"]
    assert found[0]["timestamp"].startswith("2026-11-24T08:00:00")
    assert found[0]["messageId"] == "shopify/order/820982911946154508/cancelled"
    assert found[0]["properties"]["total"] == "89.80"
    assert found[0]["properties"]["reason"] == "customer"


def test_a_refund_is_of_the_customer_who_placed_the_order() -> None:
    (refund,) = hanging("refunds/create", "shopify_refund")
    assert refund.customer_of == calls("orders/create", "shopify_order")[0]["messageId"]
    assert refund.of == "order_id"
    assert refund.call["event"] == "Order Refunded"
    assert refund.call["properties"] == {
        "order_id": "820982911946154508",
        "total": "17.50",
        "currency": "EUR",
        "products": [
            {
                "product_id": "49148386",
                "name": "Mug",
                "price": "17.50",
                "quantity": 1,
                "currency": "EUR",
            }
        ],
        "reason": "came broken",
    }
    read_call({**refund.call, "userId": "someone"})


def test_a_refund_whose_payment_is_unknown_or_failed_names_no_amount() -> None:
    for transactions in ([], [{"kind": "refund", "status": "failure", "amount": "5.00"}]):
        (refund,) = hanging("refunds/create", "shopify_refund", transactions=transactions)
        assert "total" not in refund.call["properties"]


# ---- parcels -------------------------------------------------------------------------------


def parcels(**changes: Any) -> list[Depending]:
    return hanging("fulfillments/update", "shopify_fulfillment", **changes)


def test_each_number_of_a_fulfillment_is_an_event_of_its_own() -> None:
    first, second = parcels()
    for parcel in (first, second):
        assert parcel.customer_of == calls("orders/create", "shopify_order")[0]["messageId"]
        assert (parcel.of, parcel.call["event"]) == ("order_id", "Order Shipped")
        read_call({**parcel.call, "userId": "someone"})
    assert second.call["properties"] == {
        "order_id": "820982911946154508",
        "tracking_number": "GL2",
        "carrier": "GLS",
        "tracking_url": "https://gls.example/GL2",
    }
    assert first.call["messageId"] != second.call["messageId"]


def test_a_fulfillment_that_is_told_again_says_nothing_new() -> None:
    before = parcels(tracking_numbers=["GL1"])
    again = parcels(updated_at="2026-11-24T09:00:00+01:00", shipment_status="in_transit")
    ids = [parcel.call["messageId"] for parcel in again]
    assert [parcel.call["messageId"] for parcel in before] == ids[:1], "GL2 came later"
    assert again[0].call["timestamp"] == before[0].call["timestamp"]


@pytest.mark.parametrize(
    ("state", "event"),
    [
        ("out_for_delivery", "Out for Delivery"),
        ("attempted_delivery", "Delivery Failed"),
        ("delivered", "Order Delivered"),
    ],
)
def test_the_state_of_a_shipment_is_that_of_each_parcel(state: str, event: str) -> None:
    later = "2026-11-25T09:00:00+01:00"
    found = parcels(shipment_status=state, updated_at=later)
    assert [parcel.call["event"] for parcel in found] == [event, event]
    assert datetime.fromisoformat(found[0].call["timestamp"]) == datetime.fromisoformat(later)
    for parcel in found:
        read_call({**parcel.call, "userId": "someone"})
    next_day = parcels(shipment_status=state, updated_at="2026-11-26T09:00:00+01:00")
    is_same = [parcel.call["messageId"] for parcel in next_day] == [
        parcel.call["messageId"] for parcel in found
    ]
    assert is_same is (event == "Order Delivered"), "another attempt is another event"


def test_a_fulfillment_without_a_number_is_of_the_whole_order() -> None:
    (whole,) = parcels(tracking_number=None, tracking_numbers=[], tracking_urls=[])
    assert "tracking_number" not in whole.call["properties"]
    assert whole.call["properties"]["tracking_url"] == "https://gls.example/GL1"


def test_links_of_which_nobody_knows_whose_they_are_are_left_out() -> None:
    found = parcels(tracking_urls=["https://gls.example/all"])
    assert all("tracking_url" not in parcel.call["properties"] for parcel in found)


@pytest.mark.parametrize(
    "changes", [{"status": "cancelled"}, {"status": "open"}, {"shipment_status": "delayed"}]
)
def test_a_fulfillment_that_has_not_left_is_no_news(changes: dict[str, Any]) -> None:
    body = {**payload("shopify_fulfillment"), **changes}
    assert isinstance(TOPICS["fulfillments/create"](body, NOW), Nothing)


def event_of(**changes: Any) -> Depending:
    (found,) = hanging("fulfillment_events/create", "shopify_fulfillment_event", **changes)
    return found


@pytest.mark.parametrize(
    ("status", "event", "expected"),
    [
        ("confirmed", "Order Shipped", True),
        ("in_transit", "Order Shipped", True),
        ("OUT_FOR_DELIVERY", "Out for Delivery", False),
        ("attempted_delivery", "Delivery Failed", False),
        ("failure", "Delivery Failed", False),
        ("delayed", "Order Delayed", True),
        ("delivered", "Order Delivered", False),
    ],
)
def test_an_event_of_a_fulfillment_is_about_the_parcels_that_it_was_told_with(
    status: str, event: str, *, expected: bool
) -> None:
    found = event_of(status=status)
    assert found.customer_of == calls("orders/create", "shopify_order")[0]["messageId"]
    assert (found.parts_of, found.part) == ("shopify/parcel/255858046", "tracking_number")
    assert found.call["event"] == event
    assert ("expected_at" in found.call["properties"]) is expected
    read_call({**found.call, "userId": "someone"})
    (by_update, _) = parcels(
        shipment_status="out_for_delivery", updated_at="2026-11-25T09:00+01:00"
    )
    if event == "Out for Delivery":
        told = f"{found.parts_of}/GL1/{found.call['messageId']}"
        assert told == by_update.call["messageId"], "one status is one event"


@pytest.mark.parametrize("status", ["ready_for_pickup", "picked_up", "returning_to_sender"])
def test_a_status_that_is_no_step_of_a_parcels_way_is_no_news(status: str) -> None:
    body = {**payload("shopify_fulfillment_event"), "status": status}
    assert isinstance(TOPICS["fulfillment_events/create"](body, NOW), Nothing)


# ---- what a person has to do --------------------------------------------------------------


def privacy(topic: str, name: str) -> list[Call]:
    read = Shopify(["hush"]).read(payload(f"shopify_{name}"), topic, NOW)
    assert not isinstance(read, Nothing)
    return [call for call in read if not isinstance(call, Depending)]


def test_a_customer_who_is_to_be_redacted_is_erased_whole() -> None:
    (call,) = privacy("customers/redact", "redact")
    assert (call["type"], call["userId"], call["why"]) == (
        "delete",
        "shopify:207119551",
        "customers/redact",
    )


@pytest.mark.parametrize(
    ("topic", "name", "whom"),
    [
        ("customers/data_request", "data_request", "shopify:207119551"),
        ("shop/redact", "shop_redact", "shopify:shop:548380009"),
    ],
)
def test_a_request_that_needs_a_person_is_an_errand(topic: str, name: str, whom: str) -> None:
    (call,) = privacy(topic, name)
    assert (call["type"], call["userId"]) == ("errand", whom)
    assert "giulia" not in str(call)


@pytest.mark.parametrize("topic", ["customers/redact", "customers/data_request", "shop/redact"])
def test_a_request_of_privacy_laws_without_an_id_is_refused(topic: str) -> None:
    with pytest.raises(BadEvent):
        Shopify(["hush"]).read({"customer": {"email": "a@b.example"}}, topic, NOW)


# ---- ids -----------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["{}", " {} ", "{}?key=b2a1", "gid://shopify/Cart/{}?key=b2a1"])
def test_a_cart_is_one_cart_however_its_token_is_written(written: str) -> None:
    token = written.format(CART)
    assert calls("carts/update", "shopify_cart", token=token)[0]["userId"] == GUEST
    order = calls("orders/create", "shopify_order", cart_token=token)
    assert only(order, "Order Completed", GUEST)["properties"]["cart_id"] == CART


@pytest.mark.parametrize("written", [207119551.0, "gid://shopify/Customer/207119551"])
def test_a_customer_is_one_customer_however_the_id_is_written(written: object) -> None:
    found = calls("customers/update", "shopify_customer", id=written)
    assert {call["userId"] for call in found} == {GIULIA}


def test_two_states_of_one_second_are_two() -> None:
    without = calls("checkouts/create", "shopify_checkout_guest", email=None)
    later = calls("checkouts/update", "shopify_checkout_guest")
    fewer = calls("checkouts/update", "shopify_checkout_guest", line_items=[])

    def ids(found: list[Call], what: str) -> set[str]:
        return {c["messageId"] for c in found if what in c["messageId"]}

    assert not ids(without, "/card/") & ids(later, "/card/")
    assert not ids(fewer, "shopify/cart/") & ids(later, "shopify/cart/")


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


def test_a_line_without_any_id_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    found = calls("carts/update", "shopify_cart", line_items=[{"id": 1}, {"title": "x"}, None])
    assert told(found) == [f"{GUEST} Product Added", f"{GUEST} Cart Viewed"]
    assert "Cart.line_items.1.id of a shop's body is left out: is missing" in caplog.messages
    assert "Cart.line_items.2 of a shop's body is left out: must be an object" in caplog.messages


def test_a_completed_checkout_is_not_read_further() -> None:
    body = {"completed_at": "2026-11-20T10:33:00+01:00", "total_price": "a lot"}
    assert isinstance(TOPICS["checkouts/update"](body, NOW), Nothing)


# ---- faults --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("topic", "name", "changes", "path"),
    [
        ("carts/update", "shopify_cart", {"line_items": "none"}, "line_items"),
        ("checkouts/update", "shopify_checkout", {"token": None}, "token"),
        ("checkouts/update", "shopify_checkout", {"cart_token": True}, "cart_token"),
        ("checkouts/update", "shopify_checkout", {"customer": {"id": True}}, "customer.id"),
        ("orders/create", "shopify_order", {"id": None}, "id"),
        ("orders/create", "shopify_order", {"customer": "Giulia"}, "customer"),
        ("customers/update", "shopify_customer", {"id": None}, "id"),
        ("refunds/create", "shopify_refund", {"order_id": None}, "order_id"),
        ("fulfillments/create", "shopify_fulfillment", {"order_id": None}, "order_id"),
        (
            "fulfillment_events/create",
            "shopify_fulfillment_event",
            {"fulfillment_id": None},
            "fulfillment_id",
        ),
        ("customers/merge", "shopify_merge", {"status": None}, "status"),
    ],
)
def test_a_body_without_an_id_is_refused_with_its_path(
    topic: str, name: str, changes: dict[str, Any], path: str
) -> None:
    with pytest.raises(BadEvent) as caught:
        calls(topic, name, **changes)
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("topic", "name", "changes"),
    [
        ("carts/update", "shopify_cart", {"updated_at": "yesterday"}),
        ("orders/create", "shopify_order", {"total_price": "1e5"}),
        ("orders/create", "shopify_order", {"currency": 7}),
        ("orders/create", "shopify_order", {"line_items": "two"}),
        ("orders/create", "shopify_order", {"created_at": "9999"}),
        ("orders/create", "shopify_order", {"cart_token": ["x"]}),
        ("orders/create", "shopify_order", {"buyer_accepts_marketing": "yes"}),
        ("customers/update", "shopify_customer", {"email": 7}),
    ],
)
def test_a_decoration_that_cannot_be_read_is_left_out_and_said(
    caplog: pytest.LogCaptureFixture, topic: str, name: str, changes: dict[str, Any]
) -> None:
    (field,) = changes
    assert calls(topic, name, **changes)
    assert f".{field} of a shop's body is left out: " in "".join(caplog.messages)


@pytest.mark.parametrize(
    ("field", "value"), [("price", "dear"), ("quantity", -1), ("title", 7), ("quantity", "many")]
)
def test_an_order_counts_whatever_its_lines_say(field: str, value: object) -> None:
    line = {**payload("shopify_order")["line_items"][0], field: value}
    found = calls("orders/create", "shopify_order", line_items=[line])
    (product,) = only(found, "Order Completed", GIULIA)["properties"]["products"]
    assert product["product_id"] == "49148385"
    assert value not in product.values()


def test_an_order_says_which_codes_it_names() -> None:
    codes = [
        {"code": "SPRING-7KQ2", "amount": "30.00", "type": "fixed_amount"},
        {"code": None},
        {"code": "FREESHIP", "amount": "0.00", "type": "shipping"},
    ]
    bought = only(
        calls("orders/create", "shopify_order", discount_codes=codes), "Order Completed", GIULIA
    )
    assert bought["properties"]["coupon"] == "SPRING-7KQ2, FREESHIP"
    strange = only(
        calls("orders/create", "shopify_order", discount_codes="x"), "Order Completed", GIULIA
    )
    assert "coupon" not in strange["properties"]
