"""A parcel as templates see it: what stays true of it, and what only the newest event says."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.events import (
    DeliveryFailed,
    Event,
    OrderCompleted,
    OrderDelivered,
    OrderShipped,
    OutForDelivery,
    ParcelEvent,
)
from sojourn.rendering.parcel import Parcel, parcel_after, was_told

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


# ---- an order that comes in several parcels ----------------------------------------------------

KINDS = (OrderShipped, OutForDelivery, DeliveryFailed, OrderDelivered)


def status(kind: type[ParcelEvent], parcel: str = "", **fields: Any) -> ParcelEvent:
    return kind.model_validate(
        {"customer_id": "c1", "order_id": "o1", "tracking_number": parcel, **fields}
    )


def test_a_message_on_a_parcel_has_its_own_link_and_number() -> None:
    first = status(OrderShipped, "T1", carrier="GLS", tracking_url="https://gls.example/1")
    second = status(OrderShipped, "T2", tracking_url="https://gls.example/2")
    whole = status(OrderShipped, carrier="DHL", tracking_url="https://dhl.example/3")
    told = [first, second, whole]
    found = parcel_after(told, "o1", first, part="T1", arrived=told)
    assert (found.carrier, found.tracking_url) == ("GLS", "https://gls.example/1")
    assert (found.tracking_number, found.is_one_of_several) == ("T1", True)
    second_found = parcel_after(told, "o1", second, part="T2", arrived=told)
    assert (second_found.carrier, second_found.tracking_url) == ("DHL", "https://gls.example/2")
    of_all = parcel_after(told, "o1", whole, arrived=told)
    assert (of_all.tracking_number, of_all.is_one_of_several) == ("", False)
    alone = parcel_after([first], "o1", first, part="T1", arrived=[first])
    assert not alone.is_one_of_several


@pytest.mark.parametrize(
    ("before", "asked", "known"),
    [
        ([], status(OrderShipped, "T1"), False),
        ([status(OrderShipped)], status(OrderShipped, "T1"), True),
        ([status(OutForDelivery)], status(OrderShipped, "T1"), True),
        ([status(OutForDelivery)], status(OrderDelivered, "T1"), False),
        ([status(OrderShipped, "T1")], status(OrderShipped), True),
        ([status(OrderShipped, "T1")], status(OrderDelivered), False),
        ([status(OrderDelivered, "T1"), status(OrderShipped, "T2")], status(OrderDelivered), False),
        ([status(OrderDelivered, "T1")], status(OutForDelivery, "T2"), False),
        # what was said of the order is about the parcels known by then, or else the first one
        ([status(OrderShipped), status(OrderShipped, "T1")], status(OrderShipped, "T2"), False),
        ([status(OrderShipped, "T1"), status(OutForDelivery)], status(OrderShipped, "T2"), False),
        (
            [status(OrderShipped, "T1"), status(OrderShipped, "T2"), status(OutForDelivery)],
            status(OutForDelivery, "T2"),
            True,
        ),
        # that it was delivered, about all of them
        ([status(OrderDelivered), status(OrderDelivered, "T1")], status(OrderShipped, "T2"), True),
        # what the run of the whole order does not tell, because it has told as much, hides nothing
        (
            [
                status(OutForDelivery, "T1"),
                status(OutForDelivery),
                status(OrderShipped, "T2"),
                status(OutForDelivery),
            ],
            status(OutForDelivery, "T2"),
            False,
        ),
        # a word that told nothing hides nothing
        (
            [status(OrderDelivered, "T1"), status(OrderDelivered)],
            status(OrderDelivered, "T2"),
            False,
        ),
    ],
)
def test_a_status_is_known_if_the_order_or_all_its_parcels_have_it(
    before: list[ParcelEvent], asked: ParcelEvent, *, known: bool
) -> None:
    later = [status(OrderDelivered), status(OrderDelivered, "T1")]
    assert was_told(asked, [*before, asked, *later]) is known


def meant(event: ParcelEvent, arrived: list[ParcelEvent]) -> list[str]:
    """Return the parcels that a status is about, as docs/journeys/delivery.md says it."""
    if event.tracking_number:
        return [event.tracking_number]
    if isinstance(event, OrderDelivered):
        return ["T1", "T2"]
    place = arrived.index(event)
    before, after = (
        list(dict.fromkeys(one.tracking_number for one in some if one.tracking_number))
        for some in (arrived[:place], arrived[place:])
    )
    return before or after[:1]


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from(["", "T1", "T2"])), max_size=8))
def test_of_each_parcel_something_is_told_up_to_its_last_status(
    told: list[tuple[type[ParcelEvent], str]],
) -> None:
    """Whatever order they come in: no status is told of a parcel twice, and none is kept back."""
    arrived = [status(kind, parcel) for kind, parcel in told]
    knows: dict[str, list[ParcelEvent]] = {"T1": [], "T2": []}
    causes: dict[str | None, ParcelEvent] = {}
    for event in arrived:
        cause = causes.get(event.tracking_number)
        if cause is not None and not event.is_later(cause):
            continue  # its run goes on with the status that it has
        causes[event.tracking_number] = event
        if not was_told(event, arrived):
            for parcel in meant(event, arrived):
                knows[parcel].append(event)
    for parcel, said in knows.items():
        seen = [e for e in arrived if e.tracking_number == parcel]
        whole = [e for e in said if not e.tracking_number]
        if seen:
            reach = max(e.stage for e in seen)
            assert max(e.stage for e in said) >= reach, "the customer knows how far it is"
        for e in said:
            if e.tracking_number:
                before = [w for w in whole if arrived.index(w) < arrived.index(e)]
                assert all(e.is_later(w) for w in before), "the order as a whole has told it"
