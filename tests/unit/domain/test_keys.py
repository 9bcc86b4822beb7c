"""One key, however a sender writes it, and the events that end the runs of other keys."""

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.keys import Reach, is_address, plain, veiled

TOKEN = "hWN6PQHFbYoHh1Mk1hYqVjR7"
UUID = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
ADDRESSES = ["ada@shop.example", "mailto:ada@shop.example", "cart of a@b.co", "+39 320 123-4567"]
CARTS = Reach(
    "cart_id", starts=("Product Added",), ends=("Order Completed", "Account Closed"),
    any_key=("Account Closed",),
)  # fmt: skip


@pytest.mark.parametrize(
    "written",
    [
        f"{TOKEN}?key=5b1e0f",
        f"{TOKEN}?key=5b1e0f&locale=en",
        f"{TOKEN}?KEY=5b1e0f",
        f"{TOKEN}%3Fkey%3D5b1e0f",
        f"gid://shopify/Cart/{TOKEN}",
        f"gid://shopify/Cart/{TOKEN}?key=5b1e0f",
        f"gid://shopify/Checkout/{TOKEN}?key=5b1e0f",
        b64encode(f"gid://shopify/Checkout/{TOKEN}?key=5b1e0f".encode()).decode(),
        b64encode(f"gid://shopify/Checkout/{TOKEN}".encode()).decode().rstrip("="),
        f"  {TOKEN}\t",
        f"\u00a0{TOKEN}\n",
        f"\ufeff{TOKEN}\u200b",
    ],
)
def test_one_cart_has_one_key_however_it_is_written(written: str) -> None:
    assert plain(written) == TOKEN


@pytest.mark.parametrize(
    ("written", "key"),
    [
        (12, "12"),
        (12.0, "12"),
        ("12.0", "12"),
        ("12.000", "12"),
        (" 12 ", "12"),
        (1e15, "1000000000000000"),
        (-3.0, "-3"),
        (12.5, "12.5"),
        ("12.05", "12.05"),
        ("0012", "0012"),
        ("gid://shopify/Order/450789469", "450789469"),
        (UUID.upper(), UUID),
        (f"{{{UUID}}}", UUID),
        ("order  727", "order 727"),
        ("Cart7", "Cart7"),
        ("a?b=c", "a?b=c"),
        ("Z2lkOi8v!", "Z2lkOi8v!"),
        ("gid://shopify/Cart", "gid://shopify/Cart"),
        ("e\u0301", "\u00e9"),
        (True, "True"),
        (float("inf"), "inf"),
        (None, ""),
        ("", ""),
        ("   ", ""),
    ],
)
def test_other_keys_stay_what_they_are(written: Any, key: str) -> None:
    assert plain(written) == key


@given(st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.booleans()))
def test_a_plain_key_stays_as_it_is(value: Any) -> None:
    once = plain(value)
    assert plain(once) == once


# ---- events that end the runs of other keys ----------------------------------------------------


@pytest.mark.parametrize(
    ("name", "said", "had", "concerns"),
    [
        pytest.param("Order Completed", "A", {}, True, id="its own key"),
        pytest.param("Order Completed", f"A?key={UUID}", {}, True, id="its own, written otherwise"),
        pytest.param("Order Completed", None, {"B": 1}, True, id="no key"),
        pytest.param("Order Completed", " ", {"B": 1}, True, id="an empty key"),
        pytest.param("Order Completed", "B", {}, True, id="a key nobody has had"),
        pytest.param("Order Completed", "B", {"A": 1}, True, id="a key this customer never had"),
        pytest.param("Order Completed", "B", {"B": 6}, True, id="had after the order arrived"),
        pytest.param("Order Completed", "B", {"B": 1}, False, id="another cart of the customer"),
        pytest.param("Order Completed", "B", None, False, id="nobody has looked"),
        pytest.param("Account Closed", "B", {"B": 1}, True, id="any key"),
        pytest.param("Account Closed", "B", None, True, id="any key, nobody has looked"),
        pytest.param("Cart Viewed", "B", {}, False, id="an event that ends nothing"),
        pytest.param("Product Added", "B", {}, False, id="a start"),
    ],
)
def test_what_ends_runs_does_so_unless_it_certainly_concerns_another_key(
    name: str, said: Any, had: dict[str, int] | None, *, concerns: bool
) -> None:
    assert CARTS.concerns("A", name=name, said=said, seq=5, had=had) is concerns


def test_an_unknown_key_of_an_order_that_came_before_the_cart_may_be_one_yet_to_come() -> None:
    asked: dict[str, Any] = {"name": "Order Completed", "said": "B", "had": {}, "begun": 5}
    assert not CARTS.concerns("A", seq=4, **asked)
    assert CARTS.concerns("A", seq=6, **asked)


def test_an_unknown_key_of_an_order_that_came_after_the_cart_concerns_it() -> None:
    """Cart A was filled, an order came, and a product of cart A comes in late: it is bought."""
    asked: dict[str, Any] = {"name": "Order Completed", "said": "B", "begun": 5}
    assert CARTS.concerns("A", seq=4, had={"A": 3}, **asked)
    assert not CARTS.concerns("A", seq=2, had={"A": 3}, **asked), "it came before the cart"
    assert not CARTS.concerns("A", seq=4, had={"A": 3, "B": 1}, **asked), "another cart"


@given(
    name=st.sampled_from(["Order Completed", "Account Closed", "Cart Viewed", "Product Added"]),
    said=st.sampled_from([None, "", "A", "A?key=1", "B", "C"]),
    had=st.dictionaries(st.sampled_from(["A", "B", "C"]), st.integers(1, 9)),
)
def test_the_keys_of_the_customer_are_read_wherever_it_depends_on_them(
    name: str, said: Any, had: dict[str, int]
) -> None:
    if not CARTS.depends("A", name=name, said=said):
        looked = CARTS.concerns("A", name=name, said=said, seq=5, had=had)
        assert looked is CARTS.concerns("A", name=name, said=said, seq=5, had=None)


def test_a_journey_without_a_key_hears_everything() -> None:
    assert Reach(ends=("Order Completed",)).concerns(
        "", name="Order Completed", said="B", seq=1, had=None
    )


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_a_digest_that_stays_one(address: str) -> None:
    assert is_address(address)
    key = plain(address)
    assert key == veiled(address) == plain(f" {address.upper()} ") == plain(key)
    assert not is_address(key)
    assert address not in key


@pytest.mark.parametrize("text", ["", "@", "a@", "@b.co", "a@b", "12", "+12", "x+12345678", "1.5"])
def test_an_ordinary_id_is_no_address(text: str) -> None:
    assert not is_address(text)
    assert veiled(text) == text


@pytest.mark.parametrize("text", ["a" * 100_000, "@" * 100_000, "a@" * 50_000, "+1" * 50_000])
def test_a_long_text_is_looked_at_once(text: str) -> None:
    is_address(text)  # a quadratic look would take minutes
