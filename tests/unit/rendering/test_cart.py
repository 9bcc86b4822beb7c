from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.events import (
    CartViewed,
    Event,
    OrderCompleted,
    Product,
    ProductAdded,
    ProductOutOfStock,
    ProductRemoved,
    ProductViewed,
)
from sojourn.rendering.cart import CartItem, cart_items, cart_total

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)


def added(product: str = "mug", **fields: object) -> ProductAdded:
    return ProductAdded.model_validate({"customer_id": "c", "product_id": product, **fields})


def removed(product: str = "mug", **fields: object) -> ProductRemoved:
    return ProductRemoved.model_validate({"customer_id": "c", "product_id": product, **fields})


def seen(*products: dict[str, object]) -> CartViewed:
    return CartViewed.model_validate({"customer_id": "c", "products": products})


def ordered() -> OrderCompleted:
    return OrderCompleted(customer_id="c", order_id="o", occurred_at=NOON + timedelta(days=1))


def quantities(*events: Event) -> dict[str, int]:
    return {item.product_id: item.quantity for item in cart_items(events)}


def test_an_empty_cart_has_no_items() -> None:
    assert cart_items([]) == []


def test_the_same_product_again_adds_up() -> None:
    assert quantities(added(quantity=2), added(quantity=3)) == {"mug": 5}


def test_a_removed_product_leaves_the_cart() -> None:
    assert quantities(added(quantity=3), removed(quantity=1)) == {"mug": 2}
    assert quantities(added(), removed()) == {}


def test_removing_more_than_there_is_leaves_an_empty_cart() -> None:
    assert quantities(added(), removed(quantity=9), added(quantity=2)) == {"mug": 2}
    assert quantities(removed(), added()) == {"mug": 1}


def test_a_product_of_quantity_zero_is_not_in_the_cart() -> None:
    assert quantities(added(quantity=0)) == {}


def test_products_stay_in_the_order_in_which_they_first_came() -> None:
    events = [added("mug"), added("lamp"), removed("mug"), added("throw"), added("mug")]
    assert [item.product_id for item in cart_items(events)] == ["mug", "lamp", "throw"]


def test_the_latest_details_of_a_product_count() -> None:
    (item,) = cart_items(
        [
            added(name="Mug", price="10", currency="EUR", image_url="https://x/1", url="/1"),
            added(name="Big mug", price="12.50", currency="EUR", image_url="https://x/2", url="/2"),
            added(),
        ]
    )
    assert item == CartItem(
        product_id="mug",
        quantity=3,
        name="Big mug",
        price=Decimal("12.5"),
        currency="EUR",
        image_url="https://x/2",
        url="/2",
    )
    assert item.amount == Decimal("37.5")


def test_a_free_gift_replaces_an_earlier_price() -> None:
    (item,) = cart_items([added(price="10"), added(price="0")])
    assert item.price == 0


def test_an_order_empties_the_cart() -> None:
    assert quantities(added("mug"), ordered(), added("lamp")) == {"lamp": 1}


def test_a_viewed_cart_replaces_the_cart() -> None:
    mugs = {"product_id": "mug", "quantity": 2}
    assert quantities(added("mug"), added("lamp"), seen(mugs)) == {"mug": 2}
    assert quantities(seen(mugs), seen(mugs), added("mug")) == {"mug": 3}
    assert quantities(seen(mugs, mugs, {"product_id": "lamp"})) == {"mug": 4, "lamp": 1}
    assert quantities(added("mug"), seen()) == {}


def test_a_cart_viewed_without_products_stays() -> None:
    assert quantities(added("mug"), CartViewed(customer_id="c")) == {"mug": 1}


def test_a_viewed_cart_keeps_known_pictures() -> None:
    (item,) = cart_items([added(image_url="https://x/1"), seen({"product_id": "mug"})])
    assert item.image_url == "https://x/1"


def test_a_currency_without_its_price_does_not_relabel_the_old_price() -> None:
    (item,) = cart_items(
        [added(price="40", currency="EUR"), seen({"product_id": "mug", "currency": "CZK"})]
    )
    assert (item.price, item.currency, item.amount) == (None, "CZK", None)


def test_a_price_without_its_currency_is_in_no_old_currency() -> None:
    (item,) = cart_items([added(price="40", currency="EUR"), added(price="1000")])
    assert (item.price, item.currency) == (Decimal(1000), None)


def test_a_price_that_is_said_again_keeps_its_currency() -> None:
    # Segment's Cart Viewed names no currency of its products
    (item,) = cart_items(
        [added(price="40", currency="EUR"), seen({"product_id": "mug", "price": "40.00"})]
    )
    assert (item.price, item.currency) == (Decimal(40), "EUR")
    (item,) = cart_items(
        [added(price="40", currency="EUR"), seen({"product_id": "mug", "currency": "EUR"})]
    )
    assert item.amount == 40


def test_the_total_sums_prices_times_quantities() -> None:
    items = cart_items(
        [
            added("mug", price="17.50", currency="EUR", quantity=2),
            added("lamp", price="89", currency="EUR"),
        ]
    )
    assert cart_total(items) == Decimal("124.00")


@pytest.mark.parametrize(
    "other",
    [
        {"price": None, "currency": "EUR"},
        {"price": "1", "currency": "PLN"},
        {"price": "1", "currency": None},
    ],
)
def test_a_cart_of_mixed_currencies_or_missing_prices_has_no_total(
    other: dict[str, str | None],
) -> None:
    items = cart_items([added("mug", price="17.50", currency="EUR"), added("lamp", **other)])
    assert cart_total(items) is None


@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from("abc"), st.integers(0, 5)),
        max_size=20,
    )
)
def test_a_cart_never_holds_less_than_one_of_anything(moves: list[tuple[bool, str, int]]) -> None:
    events = [(added if put else removed)(product, quantity=n) for put, product, n in moves]
    items = cart_items(events)
    assert all(item.quantity > 0 for item in items)
    put_in = {product: 0 for _, product, _ in moves}
    for put, product, n in moves:
        put_in[product] += n if put else 0
    assert all(item.quantity <= put_in[item.product_id] for item in items)


# ---- what is left of a cart ------------------------------------------------------------------


def elsewhere(*products: str) -> OrderCompleted:
    """Return an order of another cart of the customer's."""
    bought = [{"product_id": one} for one in products]
    fields = {"customer_id": "c", "order_id": "o", "cart_id": "other", "products": bought}
    return OrderCompleted.model_validate(fields)


def out_of_stock(product: str = "mug") -> ProductOutOfStock:
    return ProductOutOfStock(customer_id="c", product_id=product)


def looked_at(product: str = "mug", **fields: object) -> ProductViewed:
    return ProductViewed.model_validate({"customer_id": "c", "product_id": product, **fields})


def left(*events: Event) -> list[str]:
    """Return the products that are left of a cart."""
    items = cart_items(events, lambda event: getattr(event, "cart_id", None) != "other")
    return [item.product_id for item in items]


def test_what_another_order_has_is_not_left() -> None:
    assert left(added("mug"), added("lamp"), elsewhere("mug")) == ["lamp"]
    assert left(added("mug"), elsewhere("mug")) == []
    assert left(added("mug"), elsewhere()) == ["mug"], "nobody knows what was bought"


def test_what_was_bought_before_and_is_added_once_more_is_left() -> None:
    assert left(elsewhere("mug"), added("mug")) == ["mug"]
    assert left(added("mug"), elsewhere("mug"), added("mug")) == ["mug"]


def test_a_view_of_the_cart_brings_nothing_back_that_was_bought() -> None:
    assert left(added("mug"), elsewhere("mug"), seen({"product_id": "mug"})) == []


def test_what_is_out_of_stock_is_not_left_until_it_is_added_once_more() -> None:
    assert left(added("mug"), added("lamp"), out_of_stock("mug")) == ["lamp"]
    assert left(added("mug"), out_of_stock("mug"), added("mug")) == ["mug"]


class Back(Event, Product, name="Product Back in Stock"):
    """A product can be had again."""


def test_what_is_back_in_stock_is_left_but_not_what_was_bought() -> None:
    back = Back(customer_id="c", product_id="mug")
    assert left(added("mug"), out_of_stock("mug"), back) == ["mug"]
    assert left(added("mug"), back, out_of_stock("mug")) == []
    assert left(added("mug"), elsewhere("mug"), back) == []


class Cheaper(Event, Product, name="Price Dropped"):
    """A product costs less."""


def test_a_price_that_any_event_tells_otherwise_is_not_promised() -> None:
    cheaper = Cheaper(customer_id="c", product_id="mug", price=Decimal(8), currency="EUR")
    (item,) = cart_items([added(price="10", currency="EUR"), cheaper])
    assert item.price is None


def test_a_product_is_the_same_however_its_id_is_written() -> None:
    assert left(added("gid://shopify/Product/12"), elsewhere("12")) == []
    assert left(added("12"), out_of_stock("gid://shopify/Product/12")) == []


def test_other_carts_add_and_remove_nothing_here() -> None:
    assert left(added("lamp", cart_id="other")) == []
    assert left(added("mug"), removed("mug", cart_id="other")) == ["mug"]


@pytest.mark.parametrize(
    ("told", "price"),
    [
        ({"price": "12", "currency": "EUR"}, None),
        ({"price": "10", "currency": "USD"}, None),
        ({"price": "12"}, None),
        ({"price": "10", "currency": "EUR"}, Decimal(10)),
        ({"price": "10"}, Decimal(10)),
        ({}, Decimal(10)),
    ],
)
def test_a_price_that_has_changed_is_not_promised(
    told: dict[str, str], price: Decimal | None
) -> None:
    items = cart_items([added(price="10", currency="EUR"), looked_at(**told)])
    assert [item.price for item in items] == [price]
    assert (cart_total(items) is None) is (price is None)


def test_a_product_that_was_only_looked_at_is_in_no_cart() -> None:
    assert left(looked_at("lamp"), added("mug")) == ["mug"]
