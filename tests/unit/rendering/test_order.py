"""An order as templates see it: what came, less what went back."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from sojourn.domain.events import (
    Event,
    OrderCancelled,
    OrderCompleted,
    OrderDelivered,
    OrderRefunded,
    ProductReviewed,
)
from sojourn.rendering.order import Order, order_after

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
LAMP = {"product_id": "p1", "name": "Oak lamp", "quantity": 2, "price": "40"}
RUG = {"product_id": "p2", "name": "Rug"}


def of(kind: type[Event], *products: dict[str, Any], order_id: str = "o1", **fields: Any) -> Event:
    said = {"customer_id": "c1", "order_id": order_id, "products": products, **fields}
    return kind.model_validate(said)


def after(*events: Event) -> Order:
    return order_after(events, "o1")


def kept(*events: Event) -> dict[str, int]:
    return {item.product_id: item.quantity for item in after(*events).items}


PLACED = of(OrderCompleted, LAMP, RUG)


def test_an_order_is_what_its_newest_placing_lists() -> None:
    corrected = of(OrderCompleted, LAMP)
    empty = of(OrderCompleted)
    assert kept(PLACED) == {"p1": 2, "p2": 1}
    assert kept(PLACED, corrected, empty) == {"p1": 2}
    assert after(PLACED).items[0].amount == 80


def test_a_product_is_known_that_an_order_of_the_90_days_before_had_too() -> None:
    def known(*before: int) -> dict[str, bool]:
        others = [
            of(OrderCompleted, LAMP, order_id="o0", occurred_at=NOON - timedelta(days=ago))
            for ago in before
        ]
        order = order_after([of(OrderCompleted, LAMP, RUG, occurred_at=NOON)], "o1", others)
        return {item.product_id: item.is_known for item in order.items}

    assert known(90) == known(1) == {"p1": True, "p2": False}
    assert known() == known(91) == known(-1) == {"p1": False, "p2": False}


def test_without_a_placing_that_lists_any_the_parcels_say_what_it_was() -> None:
    parcels = [of(OrderDelivered, LAMP), of(OrderDelivered, RUG)]
    assert kept(of(OrderCompleted), *parcels) == {"p1": 2, "p2": 1}
    assert kept(PLACED, of(OrderDelivered, RUG)) == {"p1": 2, "p2": 1}


@pytest.mark.parametrize(
    ("returned", "left"),
    [
        ([{"product_id": "p1"}], {"p1": 1, "p2": 1}),
        ([{"product_id": "p1", "quantity": 2}], {"p2": 1}),
        ([LAMP, RUG], {}),
        ([], {}),
        ([{"product_id": "nobody knows it"}], {}),
        ([{"product_id": "nobody knows it"}, RUG], {"p1": 2}),
    ],
)
def test_a_refund_takes_what_it_names_and_all_if_it_names_nothing_of_it(
    returned: list[dict[str, Any]], left: dict[str, int]
) -> None:
    refund = of(OrderRefunded, *returned)
    assert kept(PLACED, refund) == left
    assert kept(refund, PLACED) == left, "whichever came first"
    assert after(PLACED, refund).was_returned


def test_refunds_add_up_and_a_cancellation_takes_all() -> None:
    one = of(OrderRefunded, {"product_id": "p1"})
    assert kept(PLACED, one, one) == {"p2": 1}
    assert kept(PLACED, of(OrderCancelled, LAMP)) == {}


def test_other_orders_do_not_count() -> None:
    others = [of(OrderRefunded, order_id="o2"), of(OrderCompleted, LAMP, order_id="o2")]
    assert kept(PLACED, *others) == {"p1": 2, "p2": 1}
    assert not after(PLACED, *others).was_returned


@pytest.mark.parametrize(
    ("review", "counts"),
    [
        ({"product_id": "p1"}, True),
        ({"product_id": "p9"}, False),
        ({"product_id": "p9", "order_id": "o1"}, True),
        ({"product_id": "p1", "order_id": "o2"}, False),
    ],
)
def test_a_review_counts_for_the_order_it_names_or_else_by_its_product(
    review: dict[str, Any], counts: bool
) -> None:
    said = ProductReviewed.model_validate({"customer_id": "c1", **review})
    assert after(PLACED, said).is_reviewed is counts


@pytest.mark.parametrize(
    ("more", "is_off"),
    [
        ([], False),
        ([of(OrderCancelled)], True),
        ([of(OrderRefunded)], True),
        ([of(OrderRefunded, RUG)], False),
        ([of(OrderRefunded, RUG), of(OrderRefunded, LAMP)], True),
    ],
)
def test_an_order_is_off_once_nothing_of_it_is_left(more: list[Event], is_off: bool) -> None:
    assert after(PLACED, *more).is_off is is_off
    assert after(*more).is_off is (is_off and not any(getattr(e, "products", ()) for e in more))


def test_amounts_are_those_of_the_newest_placing_with_a_currency() -> None:
    told = {"total": "85.90", "shipping": "5.90", "currency": "PLN", "shipping_address": "Rynek 1"}
    own = {**RUG, "price": "10", "currency": "EUR"}
    order = after(of(OrderCompleted, LAMP, own, **told), of(OrderCompleted, total="99"))
    assert (order.total, order.shipping, order.tax) == (Decimal("85.90"), Decimal("5.90"), None)
    assert (order.currency, order.address) == ("PLN", "Rynek 1")
    assert [item.currency for item in order.items] == ["PLN", "EUR"]


def test_an_order_without_a_currency_has_no_amounts() -> None:
    order = after(of(OrderCompleted, LAMP, total="80"))
    assert (order.total, order.currency) == (None, None)
