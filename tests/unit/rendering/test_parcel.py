"""A parcel as templates see it: what stays true of it, and what only the newest event says."""

from datetime import UTC, datetime
from typing import Any

from sojourn.domain.events import (
    DeliveryFailed,
    Event,
    OrderCompleted,
    OrderShipped,
    OutForDelivery,
)
from sojourn.rendering.parcel import Parcel, parcel_after

AT = datetime(2026, 3, 5, 14, tzinfo=UTC)


def of(kind: type[Event], **fields: Any) -> Event:
    return kind.model_validate({"customer_id": "c1", "order_id": "o1", **fields})


SHIPPED = of(OrderShipped, carrier="GLS", tracking_url="https://gls.example/1", expected_at=AT)


def test_who_brings_it_stays_true_and_hours_and_reasons_do_not() -> None:
    van = of(OutForDelivery, arrives_until=AT, timezone="Europe/Rome", tracking_url="")
    failed = of(DeliveryFailed, reason="nobody at home")
    assert parcel_after([SHIPPED, van], "o1", van) == Parcel(
        "GLS", "https://gls.example/1", "Europe/Rome", arrives_until=AT
    )
    assert parcel_after([SHIPPED, van, failed], "o1", failed) == Parcel(
        "GLS", "https://gls.example/1", "Europe/Rome", reason="nobody at home"
    )


def test_an_event_of_another_order_says_nothing_of_it() -> None:
    placed = of(OrderCompleted)
    assert parcel_after([placed, SHIPPED], "o1", placed).carrier == "GLS"
    assert parcel_after([placed, of(OrderShipped, order_id="o2", carrier="DHL")], "o1", placed) == (
        Parcel()
    )
