from datetime import UTC, datetime, timedelta

from sojourn.domain.events import (
    Event,
    OrderCompleted,
    ProductAdded,
    ProductOutOfStock,
    ProductViewed,
)
from sojourn.rendering.viewed import LATELY, viewed_items

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)


def looked_at(product: str, ago: timedelta = timedelta(hours=7), **fields: object) -> ProductViewed:
    at = NOW - ago
    return ProductViewed.model_validate(
        {"customer_id": "c", "product_id": product, "occurred_at": at, **fields}
    )


def names(*events: Event) -> list[str]:
    return [item.product_id for item in viewed_items(events, NOW)]


def test_the_product_looked_at_most_often_comes_first() -> None:
    assert names(*map(looked_at, ["lamp", "mug", "lamp", "desk"])) == ["lamp", "desk", "mug"]


def test_an_old_look_and_one_to_come_do_not_count() -> None:
    assert names(looked_at("lamp", LATELY + timedelta(seconds=1))) == []
    assert names(looked_at("lamp", timedelta(hours=-1))) == []
    assert names(looked_at("lamp", LATELY)) == ["lamp"]


def test_what_is_in_a_cart_or_bought_or_out_of_stock_is_left_out() -> None:
    added = ProductAdded(customer_id="c", product_id="lamp")
    gone = ProductOutOfStock(customer_id="c", product_id="lamp")
    bought = OrderCompleted.model_validate(
        {"customer_id": "c", "order_id": "o", "products": [{"product_id": "lamp"}]}
    )
    for end in (added, gone, bought):
        assert names(looked_at("lamp"), looked_at("mug"), end) == ["mug"]
        assert names(looked_at("lamp"), end, looked_at("lamp")) == ["lamp"]


def test_the_price_is_the_one_seen_last_and_of_one_piece() -> None:
    first = looked_at("lamp", name="Lamp", price="40", currency="EUR")
    last = looked_at("lamp", price="35", currency="EUR", quantity=3)
    (item,) = viewed_items([first, last], NOW)
    assert (item.name, str(item.price), item.quantity) == ("Lamp", "35", 1)
