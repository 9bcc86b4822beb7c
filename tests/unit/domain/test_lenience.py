"""An event is read kindly where decoration is at stake, and strictly where ids and money are."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import model_validator

from sojourn.domain.errors import BadEvent, UnknownName
from sojourn.domain.events import (
    ENVELOPE,
    SHIPPED,
    CartViewed,
    Event,
    Events,
    Identifier,
    Key,
    Moment,
    Money,
    OrderCompleted,
    Personal,
    ProductAdded,
    SubscriptionRenewed,
    Synonyms,
    Understood,
    Use,
)
from sojourn.domain.events.lenience import MOST_FAULTS
from sojourn.domain.notes import MOST_NOTES

ENVELOPE_OF = {"message_id": "m", "customer_id": "c", "occurred_at": "2024-01-08T12:00:00Z"}


class BookingConfirmed(Event, name="Booking Confirmed"):
    """An event of a project: it ends the runs of people who looked, and starts none."""

    booking_id: Identifier
    price: Money
    place: str
    nights: int = 1
    paid: bool = False
    starts_at: Moment | None = None
    guest: Personal = None
    extras: dict[str, int] = {}


class SeatTaken(Event, name="Seat Taken"):
    """An event whose class has a validator of its own."""

    row: int | None = None
    seat: int | None = None
    show_id: Key | None = None

    @model_validator(mode="after")
    def _both(self) -> "SeatTaken":
        if (self.row is None) is not (self.seat is None):
            raise ValueError("row and seat go together")
        return self


USE = Use(
    starts=frozenset({"Product Added", "Subscription Started", "Subscription Renewed"}),
    ends=frozenset({"Order Completed", "Subscription Renewed", "Booking Confirmed", "Seat Taken"}),
    keys=frozenset({"cart_id", "subscription_id", "show_id"}),
)
KNOWN = Events([*SHIPPED.values(), BookingConfirmed, SeatTaken], use=USE)


def read(event: str, /, **properties: Any) -> Understood:
    return KNOWN.understand(KNOWN.known_as(event), properties, ENVELOPE_OF)


def notes(read: Understood) -> list[str]:
    return [str(note) for note in read.notes]


def order(**properties: Any) -> tuple[OrderCompleted, list[str]]:
    found = read("Order Completed", order_id="o", cart_id="A", **properties)
    assert isinstance(found.event, OrderCompleted)
    assert found.event.is_whole
    assert (found.event.order_id, found.event.cart_id) == ("o", "A")
    return found.event, notes(found)


def refused(event: str, /, **properties: Any) -> str:
    with pytest.raises(BadEvent) as fault:
        read(event, **properties)
    return str(fault.value)


# ---- an event that ends runs ---------------------------------------------------------------


def test_small_letters_are_a_currency() -> None:
    event, said = order(total=10, currency="eur")
    assert (event.total, event.currency, said) == (Decimal(10), "EUR", [])


def test_a_line_without_a_product_loses_itself_alone() -> None:
    event, said = order(products=[{"product_id": "a"}, {"sku": "x", "name": "Tip"}, 7, "b"])
    assert [line.product_id for line in event.products] == ["a"]
    assert said == [
        "properties.products.1: left out: product_id: field required",
        "properties.products.2: left out: "
        "input should be a valid dictionary or instance of Product",
        "properties.products.3: left out: "
        "input should be a valid dictionary or instance of Product",
    ]


@pytest.mark.parametrize("quantity", [0.5, "1.5", "many", -1, True, [1], 10**9, "1,5"])
def test_an_order_counts_whatever_its_quantities_are(quantity: Any) -> None:
    lines = [{"product_id": "a", "quantity": quantity, "price": 3}, {"product_id": "b"}]
    event, said = order(products=lines)
    assert [(line.product_id, line.price) for line in event.products] == [("a", None), ("b", None)]
    assert said[0].startswith("properties.products.0.quantity: left out: ")
    assert said[1:] == ["properties.products.0.price: left out: means nothing without quantity"]


@pytest.mark.parametrize("quantity", [None, "", "  ", [], {}])
def test_an_empty_quantity_is_absent(quantity: Any) -> None:
    event, said = order(products=[{"product_id": "a", "quantity": quantity, "price": 3}])
    assert [(line.quantity, line.price) for line in event.products] == [(1, Decimal(3))]
    assert said == []


@pytest.mark.parametrize(
    "total", ["27,50", "1.234,50", "€ 27.50", "27.50 EUR", "NaN", "1e400", True, [1], {"a": 1}]
)
def test_a_total_that_has_to_be_guessed_is_left_out(total: Any) -> None:
    event, said = order(total=total, currency="EUR")
    assert event.total is None
    assert event.currency == "EUR"
    assert [note.partition(": ")[0] for note in said] == ["properties.total"]


@pytest.mark.parametrize("products", [None, "", [], {}])
def test_no_products_are_none(products: Any) -> None:
    event, said = order(products=products)
    assert (event.products, said) == ((), [])


def test_an_amount_goes_with_its_currency() -> None:
    event, said = order(total=10, currency="Euro")
    assert (event.total, event.currency) == (None, None)
    assert said[1] == "properties.total: left out: means nothing without currency"


@pytest.mark.parametrize("cart", [["A"], {"id": "A"}, False, "x" * 201, "a\tb"])
def test_a_key_that_cannot_be_read_is_none(cart: Any) -> None:
    found = read("Order Completed", order_id="o", cart_id=cart)
    assert isinstance(found.event, OrderCompleted)
    assert found.event.cart_id is None
    assert "cart_id" not in found.properties
    assert notes(found)[0].startswith("properties.cart_id: left out: ")


@pytest.mark.parametrize("given", [{}, {"order_id": ""}, {"order_id": None}, {"order_id": [1]}])
def test_an_order_without_its_id_still_ends_runs(given: dict[str, Any]) -> None:
    found = read("Order Completed", cart_id="A", total=3, **given)
    assert isinstance(found.event, OrderCompleted)
    assert not found.event.is_whole
    assert found.event.public() == {"cart_id": "A", "total": "3"}
    assert found.event.customer_id == "c"
    assert notes(found)[-1].endswith("the event ends runs and starts none")


def test_an_end_beyond_our_time_renews_all_the_same() -> None:
    found = read("Subscription Renewed", subscription_id="s", expires_at="9999-12-31T00:00:00Z")
    assert isinstance(found.event, SubscriptionRenewed)
    assert not found.event.is_whole
    assert found.event.subscription_id == "s"
    assert found.properties == {"subscription_id": "s"}
    assert notes(found)[0] == "properties.expires_at: left out: is outside 1970 to 2199"


def test_an_event_of_a_project_is_read_by_its_class() -> None:
    found = read(
        "Booking Confirmed", booking_id=7, price="12.50", place="Rome", nights=True, paid=True,
        starts_at="soon", guest=5, extras={"towels": 2, "dogs": "some"},
    )  # fmt: skip
    event = found.event
    assert isinstance(event, BookingConfirmed)
    assert event.is_whole
    assert (event.booking_id, event.price, event.place) == ("7", Decimal("12.5"), "Rome")
    assert (event.nights, event.paid, event.starts_at, event.guest) == (1, True, None, "5")
    assert event.extras == {"towels": 2}
    assert [note.partition(": ")[0] for note in notes(found)] == [
        "properties.nights", "properties.starts_at", "properties.extras.dogs",
    ]  # fmt: skip


def test_an_event_of_a_project_that_lacks_much_still_ends_runs() -> None:
    found = read("Booking Confirmed", price="a lot", nights=2)
    assert not found.event.is_whole
    assert found.event.public() == {"nights": 2, "paid": False}


def test_a_validator_of_the_whole_class_keeps_no_event_from_ending_runs() -> None:
    found = read("Seat Taken", row=3, show_id="s")
    assert isinstance(found.event, SeatTaken)
    assert found.event.show_id == "s"
    assert found.properties == {"row": 3, "show_id": "s"}
    assert "row and seat go together" in " ".join(notes(found))


def test_a_validator_that_speaks_up_once_a_field_is_left_out_is_heard_too() -> None:
    found = read("Seat Taken", row=3, seat="front", show_id="s")
    assert isinstance(found.event, SeatTaken)
    assert found.event.show_id == "s"


# ---- an event that ends none ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("product_id", ["p"]),
        ("price", "12,50"),
        ("price", "1.234,50"),
        ("price", True),
        ("currency", "Euro"),
        ("cart_id", {"id": "A"}),
    ],
)
def test_an_event_that_ends_no_run_is_refused_for_its_ids_and_its_money(
    field: str, value: Any
) -> None:
    given = {"product_id": "p", "cart_id": "A", field: value}
    assert refused("Product Added", **given).startswith(f"properties.{field}: ")


def test_an_event_that_ends_no_run_is_refused_for_its_moments() -> None:
    given = {"subscription_id": "s", "expires_at": "9999-12-31T00:00:00Z"}
    fault = refused("Subscription Changed", **given)
    assert fault == "properties.expires_at: is outside 1970 to 2199"


@pytest.mark.parametrize("field", ["price", "currency", "quantity", "cart_id", "name"])
@pytest.mark.parametrize("value", ["", " ", None])
def test_empty_text_is_absent(field: str, value: Any) -> None:
    found = read("Product Added", **{"product_id": "p", field: value})
    assert isinstance(found.event, ProductAdded)
    assert not str(getattr(found.event, field) or "").strip("1 ")
    assert notes(found) == []


def test_decoration_that_cannot_be_read_is_left_out_of_a_start() -> None:
    found = read("Product Added", product_id="p", cart_id="A", name=False, image_url=[1], price=5)
    assert isinstance(found.event, ProductAdded)
    assert (found.event.name, found.event.image_url) == (None, None)
    assert found.event.price == 5
    assert [note.partition(": ")[0] for note in notes(found)] == [
        "properties.name", "properties.image_url",
    ]  # fmt: skip


def test_an_event_that_neither_starts_nor_ends_is_read_by_its_lines() -> None:
    found = read("Cart Viewed", products=[{"price": 1}, {"product_id": "a", "price": "x"}])
    assert isinstance(found.event, CartViewed)
    assert [line.product_id for line in found.event.products or ()] == ["a"]
    assert refused("Feature Used", feature=[]) == "properties.feature: field required"


def test_an_event_that_is_right_is_read_as_it_was_sent() -> None:
    sent = {"product_id": "p", "cart_id": "A", "price": 5, "shelf": {"row": [1]}}
    found = read("Product Added", **sent)
    assert (found.properties, found.notes) == (sent, ())


# ---- what is left out, said and bounded ----------------------------------------------------


def test_notes_are_few_whatever_was_sent() -> None:
    _, said = order(products=[{"x": 1}] * 500)
    assert len(said) == MOST_NOTES + 1
    assert said[-1] == "call: has 480 more parts that were left out"


def test_a_list_of_nothing_but_faults_is_left_out_as_a_whole() -> None:
    event, said = order(products=[{"x": 1}] * (MOST_FAULTS + 1), total=3)
    assert event.products == ()
    assert event.total == Decimal(3)
    assert said == ["properties.products: left out: more than 500 faults"]


def test_a_note_quotes_nothing_of_what_was_sent() -> None:
    secret = "ada@shop.example"
    _, said = order(total=secret, currency=secret, email=[secret], products=secret)
    assert len(said) == 4
    assert secret not in " ".join(said)


def test_what_is_kept_reads_back_as_the_same_event() -> None:
    found = read("Order Completed", orderId="o", products=[{"id": 1}, {}], total="1,5", x={"y": 1})
    again = KNOWN.understand("Order Completed", found.properties, ENVELOPE_OF)
    assert again.event == found.event
    assert again.properties == found.properties
    assert again.notes == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
FIELDS = st.sampled_from(["order_id", "cart_id", "total", "currency", "products", "email", "x"])
LINES = st.lists(
    JSON | st.dictionaries(st.sampled_from(["product_id", "price", "quantity", "currency"]), JSON),
    max_size=4,
)


@given(st.dictionaries(FIELDS, JSON), LINES)
def test_an_event_that_ends_runs_is_never_refused(given: dict[str, Any], lines: list[Any]) -> None:
    found = KNOWN.understand("Order Completed", {**given, "products": lines}, ENVELOPE_OF)
    assert found.event.customer_id == "c"
    assert found.event.properties() is not None
    again = KNOWN.understand("Order Completed", found.properties, ENVELOPE_OF)
    assert again.event.is_whole is found.event.is_whole
    assert again.event.public() == found.event.public()


@given(st.dictionaries(st.sampled_from(["product_id", "price", "name", "cart_id"]), JSON))
def test_a_start_is_taken_whole_or_refused_with_a_path(given: dict[str, Any]) -> None:
    try:
        found = KNOWN.understand("Product Added", given, ENVELOPE_OF)
    except BadEvent as error:
        fault = error.path
    else:
        fault = "" if found.event.is_whole else "not whole"
    assert not fault or fault.startswith("properties.")


# ---- names ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "Order Completed", "Completed Order", "order completed", "ORDER COMPLETED",
        "OrderCompleted", "order_completed", "completed_order", "order-completed",
        " Order  Completed ", "orderCompleted", "Order Completed ", "Order.Completed",
    ],
)  # fmt: skip
def test_a_name_is_known_in_every_way_that_segment_takes_it(name: str) -> None:
    assert SHIPPED.known_as(name) == "Order Completed"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Added Product", "Product Added"),
        ("Removed Product", "Product Removed"),
        ("Viewed Cart", "Cart Viewed"),
        ("Started Checkout", "Checkout Started"),
        ("Started Order", "Checkout Started"),
        ("subscription_renewed", "Subscription Renewed"),
        ("email link clicked", "Email Link Clicked"),
    ],
)
def test_the_first_versions_names_are_known(name: str, meant: str) -> None:
    assert SHIPPED.known_as(name) == meant


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("Oder Completed", "Order Completed"), ("Order Complete", "Order Completed"), ("Zzz", None)],
)
def test_what_is_not_beyond_doubt_stays_unknown_and_has_a_nearest(
    name: str, nearest: str | None
) -> None:
    assert SHIPPED.known_as(name) == name
    assert SHIPPED.nearest(name) == nearest


def test_a_spelling_of_two_events_is_neither() -> None:
    twice = type("Twice", (Event,), {}, name="Completed Order")
    known = Events([*SHIPPED.values(), twice])
    assert known.known_as("Completed Order") == "Completed Order"
    assert known.known_as("Order Completed") == "Order Completed"
    assert known.known_as("order completed") == "order completed"


def test_a_project_adds_synonyms() -> None:
    known = Events(
        SHIPPED.values(),
        synonyms=Synonyms({"Purchase": "Order Completed"}, {"basket": "cart_id"}),
    )
    assert known.known_as("purchase") == "Order Completed"
    found = known.understand("Order Completed", {"order_id": "o", "Basket": "A"}, ENVELOPE_OF)
    assert isinstance(found.event, OrderCompleted)
    assert found.event.cart_id == "A"


def test_a_synonym_of_nothing_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match='no event "Order Complete": did you mean'):
        Events(SHIPPED.values(), synonyms=Synonyms({"Purchase": "Order Complete"}))
    with pytest.raises(UnknownName, match='no field of an event "cartid": did you mean "cart_id"'):
        Events(SHIPPED.values(), synonyms=Synonyms(fields={"basket": "cartid"}))


@pytest.mark.parametrize("name", ["cartId", "CartID", "cart-id", "Cart Id", "CART_ID", "cartID"])
def test_a_field_is_known_in_every_spelling(name: str) -> None:
    found = read("Order Completed", **{"orderId": "o", name: "A"})
    assert found.properties == {"order_id": "o", "cart_id": "A"}
    assert found.notes == ()


def test_fields_of_lines_are_known_in_every_spelling_too() -> None:
    event, said = order(products=[{"productId": "a", "imageUrl": "https://x"}, {"id": "b"}])
    assert [line.product_id for line in event.products] == ["a", "b"]
    assert event.products[0].image_url == "https://x"
    assert said == []


def test_a_fields_own_name_outweighs_another_spelling() -> None:
    found = read("Product Added", product_id="p", cart_id="A", cartId="B", id="q")
    assert found.properties["cart_id"] == "A"
    assert found.properties["product_id"] == "p"
    assert found.properties["cartId"] == "B"
    blank = read("Product Added", product_id="p", cart_id="", cartId="B")
    assert blank.properties["cart_id"] == "B"


def test_no_spelling_of_the_envelope_is_a_field() -> None:
    found = read("Product Added", product_id="p", messageId="x", customerId="y", occurredAt="z")
    assert not found.properties.keys() & set(ENVELOPE)
    assert found.event.customer_id == "c"
