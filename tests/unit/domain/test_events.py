"""The fields of an event, and those of them that leave the store."""

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sojourn.domain.errors import BadEvent, SameName, UnknownName
from sojourn.domain.events import (
    ENVELOPE,
    LARGEST,
    SHIPPED,
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentRescheduled,
    CheckoutStarted,
    ComplaintReceived,
    DeliveryFailed,
    EmailLinkClicked,
    Event,
    Events,
    InvoiceIssued,
    InvoiceUpdated,
    JourneyStopped,
    LoginCodeRequested,
    MessageClicked,
    MessageReplied,
    OptInRequested,
    OrderCancelled,
    OrderCompleted,
    OrderDelayed,
    OrderDelivered,
    OrderRefunded,
    OrderShipped,
    OutForDelivery,
    PaymentFailed,
    PriceDropped,
    PriceRaised,
    ProductAdded,
    ProductBackInStock,
    ProductRemoved,
    ProductReviewed,
    ProductViewed,
    ProductWatched,
    RenewalRequested,
    SignedUp,
    SubscriptionCancelled,
    SubscriptionChanged,
    SubscriptionRenewed,
    SubscriptionStarted,
    SurveyAnswered,
    TaskAnswered,
    TrialStarted,
    UnknownEvent,
    check_track,
    personal_fields,
    read_event,
)

NOON = "2024-01-08T12:00:00Z"
PERSONAL: dict[type[Event], set[str]] = {
    SignedUp: {"email", "first_name", "plan"},
    AppointmentBooked: {"name", "place"},
    AppointmentRescheduled: {"name", "place"},
    AppointmentCancelled: {"reason"},
    PriceDropped: {"name", "category", "image_url", "url"},
    PriceRaised: {"name", "category", "image_url", "url"},
    ProductBackInStock: {"name", "category", "image_url", "url"},
    ProductWatched: {"name", "category", "image_url", "url"},
    ProductAdded: {"name", "category", "image_url", "url"},
    ProductRemoved: {"name", "category", "image_url", "url"},
    ProductReviewed: {"review_body"},
    ProductViewed: {"name", "category", "image_url", "url"},
    RenewalRequested: {"plan"},
    TrialStarted: {"plan"},
    SubscriptionStarted: {"plan"},
    SubscriptionRenewed: {"plan"},
    SubscriptionChanged: {"plan"},
    OrderCancelled: {"reason"},
    OrderCompleted: {"coupon", "email", "shipping_address"},
    OrderRefunded: {"reason"},
    OrderShipped: {"carrier", "tracking_url"},
    OutForDelivery: {"carrier", "tracking_url"},
    DeliveryFailed: {"carrier", "tracking_url", "reason", "pickup_at"},
    OrderDelivered: {"left_at"},
    OrderDelayed: {"reason"},
    ComplaintReceived: {"text"},
    SurveyAnswered: {"comment"},
    EmailLinkClicked: {"url"},
    MessageClicked: {"url"},
    MessageReplied: {"text"},
    SubscriptionCancelled: {"reason"},
    TaskAnswered: {"by"},
    JourneyStopped: {"because", "by"},
    InvoiceIssued: {"number", "pay_url"},
    InvoiceUpdated: {"number", "pay_url"},
    PaymentFailed: {"number", "pay_url"},
    LoginCodeRequested: {"code", "phone", "ip"},
    OptInRequested: {"address", "wording", "wording_version", "locale", "proof"},
}
TELLTALE = ("email", "mail", "phone", "first_name", "last_name", "address", "reason", "comment")


def _read(kind: type[Event], at: datetime | str = NOON, **properties: Any) -> Event:
    return read_event(kind, properties, message_id="m", customer_id="c", at=at)


def _refused(kind: type[Event], at: datetime | str = NOON, **properties: Any) -> BadEvent:
    with pytest.raises(BadEvent) as refused:
        _read(kind, at, **properties)
    assert "\n" not in str(refused.value)
    return refused.value


# ---- names ---------------------------------------------------------------------------------


def test_wire_names_are_segments() -> None:
    assert set(SHIPPED) >= {
        "Signed Up", "Account Activated", "Feature Used", "Product Added", "Product Removed",
        "Checkout Started", "Order Completed", "Subscription Started", "Subscription Renewed",
        "Subscription Changed", "Subscription Cancelled", "Email Link Clicked",
    }  # fmt: skip
    for name, kind in SHIPPED.items():
        assert SHIPPED.named(name) is kind
        assert re.sub(r"\W", "", name).casefold() == kind.__name__.casefold()


def test_a_misspelt_event_is_told_the_nearest() -> None:
    with pytest.raises(UnknownName, match='no event "Order Complete": did you mean "Order Compl'):
        SHIPPED.named("Order Complete")


def test_the_nameless_class_is_no_event_of_its_own() -> None:
    with pytest.raises(UnknownName):
        SHIPPED.named("")
    assert UnknownEvent not in SHIPPED.values()


def test_a_class_needs_a_name() -> None:
    with pytest.raises(TypeError, match="needs its name"):
        type("Nameless", (Event,), {})


def test_two_classes_of_one_name_are_refused_with_both_places() -> None:
    twice = type("Twice", (Event,), {}, name="Order Completed")
    with pytest.raises(SameName, match=r"shop\.OrderCompleted and .*\.Twice"):
        Events([*SHIPPED.values(), twice])


def test_a_class_that_extends_a_shipped_event_takes_its_place() -> None:
    own = type("OrderCompleted", (OrderCompleted,), {}, name="Order Completed")
    for classes in ([*SHIPPED.values(), own], [own, *SHIPPED.values()]):
        assert Events(classes).named("Order Completed") is own


# ---- personal fields -----------------------------------------------------------------------


def test_personal_fields_are_marked() -> None:
    marked = {kind: set(personal_fields(kind)) for kind in SHIPPED.values()}
    assert {kind: fields for kind, fields in marked.items() if fields} == PERSONAL


def test_no_field_that_sounds_personal_is_unmarked() -> None:
    """An address in a new event needs its mark; this test says so to its author."""
    unmarked = [
        f"{kind.__name__}.{field}"
        for kind in SHIPPED.values()
        for field in set(kind.model_fields) - personal_fields(kind)
        if any(sound in field for sound in TELLTALE)
    ]
    assert unmarked == []


def test_public_fields_leave_out_the_personal_and_the_long() -> None:
    event = _read(OrderCompleted, order_id="o", cart_id="c", total="12.50", email="ada@x.example")
    assert isinstance(event, OrderCompleted)
    assert event.properties() == {
        "order_id": "o", "cart_id": "c", "total": "12.5", "products": [], "email": "ada@x.example",
    }  # fmt: skip
    assert event.public() == {"order_id": "o", "cart_id": "c", "total": "12.5"}
    assert not {*ENVELOPE} & event.public().keys()


def test_what_is_stored_reads_back_as_the_same_event() -> None:
    event = _read(
        OrderCompleted,
        order_id="o",
        total=1000,
        products=[{"product_id": 7, "price": 59.900000000000006}],
    )
    assert _read(OrderCompleted, **event.properties()) == event
    heard = _read(OrderCompleted, **event.public())  # a run reads the fields that it heard, too
    assert heard == event.model_copy(update={"products": ()})


# ---- moments -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2024-01-04T11:45:38Z", datetime(2024, 1, 4, 11, 45, 38, tzinfo=UTC)),
        ("2024-01-04T11:45:38.5+02:00", datetime(2024, 1, 4, 9, 45, 38, 500_000, tzinfo=UTC)),
        ("2024-01-04 11:45:38.123456789Z", datetime(2024, 1, 4, 11, 45, 38, 123_456, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_moments_are_kept_in_utc(written: str, meant: datetime) -> None:
    event = _read(SignedUp, at=written)
    assert event.occurred_at == meant
    assert event.occurred_at.tzinfo is UTC
    rome = meant.astimezone(timezone(timedelta(hours=1)))
    assert _read(SignedUp, at=rome).occurred_at == meant


@pytest.mark.parametrize(
    "written",
    [
        "2024-01-04T11:45:38", "2024-01-04", "20240104", "1704369938", "-0", "-1", "yesterday", "",
        "2024-13-01T00:00:00Z", "2024-01-04T25:00:00Z", "1969-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
    ],
)  # fmt: skip
def test_a_moment_outside_our_time_is_refused(written: str) -> None:
    assert _refused(SignedUp, at=written).path == "timestamp"


@pytest.mark.parametrize("written", [0, 1704369938, 1.7e9, True, None, {}])
def test_a_number_is_no_moment(written: Any) -> None:
    assert _refused(SignedUp, at=written).path == "timestamp"


def test_a_subscriptions_end_is_checked_too() -> None:
    given = {"subscription_id": "s", "expires_at": "2024-03-01"}
    assert _refused(SubscriptionStarted, **given).path == "properties.expires_at"
    assert _refused(SubscriptionRenewed, subscription_id="s").path == "properties.expires_at"


# ---- money ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (59.900000000000006, "59.9"), (0.1 + 0.2, "0.3"), ("59.90", "59.9"), (1000, "1000"),
        (0, "0"), (-0.0000001, "0"), ("1e3", "1000"), (-12.5, "-12.5"), (10**12, "1000000000000"),
    ],
)  # fmt: skip
def test_the_noise_of_floats_is_rounded_away(sent: Any, meant: str) -> None:
    event = _read(CheckoutStarted, value=sent)
    assert isinstance(event, CheckoutStarted)
    assert event.value == Decimal(meant)
    assert Decimal(event.properties()["value"]) == Decimal(meant)


@pytest.mark.parametrize("sent", ["1e400", "NaN", "Infinity", "cheap", 10**13, -(10**13), [], ""])
def test_a_malformed_amount_is_refused(sent: Any) -> None:
    assert _refused(CheckoutStarted, value=sent).path == "properties.value"


@given(st.decimals(min_value=0, max_value=10**9, places=2))
def test_cents_are_never_lost(amount: Decimal) -> None:
    for sent in (amount, str(amount), float(amount)):
        event = _read(CheckoutStarted, value=sent)
        assert isinstance(event, CheckoutStarted)
        assert event.value == amount


def test_a_fault_deep_inside_is_named_with_its_path() -> None:
    fault = _refused(OrderCompleted, order_id="o", products=[{"product_id": "p"}, {"price": 1}])
    assert fault.path == "properties.products.1.product_id"


# ---- ids -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", ["c", 7, "x" * 200, "a:b%c", "żółć 🛒", 123456789012345678901234567890]
)
def test_ids_are_opaque(value: Any) -> None:
    event = read_event(SignedUp, {}, message_id=value, customer_id=value, at=NOON)
    assert event.customer_id == event.message_id == str(value)


@pytest.mark.parametrize(
    "value", ["", "x" * 201, "a\0b", "a\nb", "\x7f", "\ud800", True, None, [], {}]
)
def test_a_malformed_id_is_refused(value: Any) -> None:
    with pytest.raises(BadEvent, match="userId"):
        read_event(SignedUp, {}, message_id="m", customer_id=value, at=NOON)
    with pytest.raises(BadEvent, match="messageId"):
        read_event(SignedUp, {}, message_id=value, customer_id="c", at=NOON)


def test_properties_cannot_forge_the_envelope() -> None:
    forged = {"message_id": "x", "customer_id": "somebody else", "occurred_at": "1999-01-01"}
    event = read_event(SignedUp, forged, message_id="m", customer_id="c", at=NOON)
    assert (event.message_id, event.customer_id) == ("m", "c")


def test_an_empty_cart_id_is_none() -> None:
    event = _read(ProductAdded, product_id="p", cart_id="")
    assert isinstance(event, ProductAdded)
    assert not event.cart_id


def test_quantities_are_counts() -> None:
    for bad in (-1, 1.5, "many", 10**7, 10**400):
        assert _refused(ProductAdded, product_id="p", quantity=bad).path == "properties.quantity"


def test_events_do_not_change() -> None:
    event = SignedUp(customer_id="c")
    with pytest.raises(ValidationError):
        event.customer_id = "d"  # type: ignore[misc]


# ---- properties that can be stored and sent on ---------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        pytest.param(10**5000, id="5001 digits"),
        "\ud800",
        {"deep": "\udfff"},
        {1, 2},
        b"x",
    ],
)
def test_properties_that_are_not_json_are_refused(value: Any) -> None:
    with pytest.raises(BadEvent, match="properties: is not JSON"):
        check_track("Anything", {"value": value})


def test_endless_nesting_is_refused() -> None:
    pit: list[Any] = []
    for _ in range(100_000):
        pit = [pit]
    with pytest.raises(BadEvent, match="properties: is not JSON"):
        check_track("Anything", {"value": pit})


@pytest.mark.parametrize(
    "value",
    [
        "a\\u0000b",
        pytest.param(10**400, id="401 digits"),
        "żółć 🛒",
        None,
        [],
        pytest.param("x" * 50_000, id="long"),
    ],
)
def test_json_properties_are_taken(value: Any) -> None:
    check_track("Anything", {"value": value})


def test_a_nul_that_postgresql_cannot_read_is_refused_by_its_place() -> None:
    with pytest.raises(BadEvent) as refused:
        check_track("Anything", {"products": [{"name": "a\0b"}]})
    assert refused.value.path == "properties.products.0.name"


def test_more_than_temporal_takes_is_refused() -> None:
    with pytest.raises(BadEvent, match=f"at most {LARGEST}"):
        check_track("Anything", {"value": "x" * LARGEST})


@pytest.mark.parametrize("name", ["", "a\0b", "\ud800", "x" * 201])
def test_a_malformed_event_name_is_refused(name: str) -> None:
    with pytest.raises(BadEvent) as refused:
        check_track(name, {})
    assert refused.value.path == "event"
