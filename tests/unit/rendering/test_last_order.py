"""A machine tells where an order is only if it is certain which one is meant."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sojourn.domain.events import (
    DeliveryFailed,
    Event,
    OrderCancelled,
    OrderCompleted,
    OrderDelayed,
    OrderDelivered,
    OrderRefunded,
    OrderShipped,
    OutForDelivery,
)
from sojourn.rendering.last_order import LastOrder, last_order

NOW = datetime(2026, 3, 5, 14, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def of(kind: type[Event], ago: timedelta = HOUR, order: str = "o1", **fields: Any) -> Event:
    at = {"customer_id": "c1", "occurred_at": NOW - ago}
    return kind.model_validate({**at, "order_id": order, **fields})


def status(*events: Event) -> str | None:
    told = sorted(events, key=lambda event: event.occurred_at)
    found = last_order(told, NOW)
    return None if found is None else f"{found.order_id} {found.status}"


def test_the_answer_has_the_moment_and_the_link() -> None:
    expected = NOW + 2 * DAY
    shipped = of(
        OrderShipped, DAY, tracking_url="/t/9", timezone="Europe/Rome", expected_at=expected
    )
    assert last_order([of(OrderCompleted, 2 * DAY), shipped], NOW) == LastOrder(
        "o1", "shipped", NOW - DAY, "/t/9", "Europe/Rome", expected
    )


def test_a_day_that_is_past_is_not_expected_any_more() -> None:
    found = last_order([of(OrderShipped, 3 * DAY, expected_at=NOW - DAY)], NOW)
    assert found is not None
    assert found.expected_at is None


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([of(OrderShipped, DAY), of(OutForDelivery)], "o1 out_for_delivery"),
        ([of(OutForDelivery, DAY / 2), of(OrderShipped)], "o1 out_for_delivery"),
        ([of(OutForDelivery, 3 * HOUR), of(OrderDelivered)], "o1 delivered"),
        ([of(OrderDelivered, 3 * HOUR), of(OutForDelivery)], "o1 delivered"),
        ([of(DeliveryFailed, 3 * HOUR), of(OutForDelivery)], "o1 out_for_delivery"),
        ([of(OrderDelivered, DAY, "o1"), of(OrderShipped, 2 * DAY, "o2")], "o2 shipped"),
        ([of(OrderDelivered, 9 * DAY, "o1"), of(OrderDelivered, DAY, "o2")], "o2 delivered"),
        ([of(OrderShipped, 90 * DAY, "o1"), of(OrderShipped, DAY, "o2")], "o2 shipped"),
        ([of(OrderCompleted, DAY, "o1"), of(OrderCancelled, HOUR, "o1"),
          of(OrderShipped, DAY, "o2")], "o2 shipped"),
    ],
)  # fmt: skip
def test_what_is_certain_is_said(events: list[Event], said: str) -> None:
    assert status(*events) == said


@pytest.mark.parametrize(
    "events",
    [
        [],
        [of(OrderCompleted)],
        [of(OrderShipped, DAY, "o1"), of(OrderShipped, DAY, "o2")],
        [of(OrderShipped, DAY, "o1"), of(OrderCompleted, HOUR, "o2")],
        [of(OutForDelivery, 3 * HOUR), of(DeliveryFailed)],
        [of(OrderShipped, 2 * DAY), of(OrderDelayed, DAY)],
        [of(OrderShipped, 15 * DAY)],
        [of(OutForDelivery, 25 * HOUR)],
        [of(OrderDelivered, 15 * DAY)],
        [of(OrderShipped, DAY), of(OrderCancelled)],
        [of(OrderDelivered, DAY), of(OrderRefunded)],
        [of(OrderShipped, DAY, tracking_url="/1"), of(OrderDelivered, HOUR),
         of(OrderShipped, DAY, tracking_url="/2")],
    ],
)  # fmt: skip
def test_what_is_not_certain_is_for_a_person(events: list[Event]) -> None:
    assert status(*events) is None
