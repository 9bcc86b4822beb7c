"""`start` in templates is what the steps began with, as far as the newest event tells."""

from typing import Any

import pytest

from sojourn.domain.events import (
    Event,
    Identifier,
    Moment,
    Money,
    ProductAdded,
    SubscriptionChanged,
)
from sojourn.rendering.start import Start


class Booked(Event, name="Appointment Booked"):
    """An appointment was made."""

    appointment_id: Identifier
    at: Moment
    place: str | None = None
    price: Money | None = None
    currency: str | None = None


class Moved(Event, name="Appointment Moved"):
    """An appointment was moved."""

    appointment_id: Identifier
    at: Moment | None = None
    place: str | None = None
    price: Money | None = None
    currency: str | None = None


def booked(**fields: Any) -> Booked:
    at = "2026-06-01T08:00:00Z"
    return Booked.model_validate(
        {"customer_id": "c", "appointment_id": "a", "at": at, "message_id": "first", **fields}
    )


def moved(**fields: Any) -> Moved:
    return Moved.model_validate({"customer_id": "c", "appointment_id": "a", **fields})


def test_a_run_that_nothing_restarted_began_with_its_first_event() -> None:
    start = Start(booked(place="Via Roma 1"))
    assert (start.place, start.event_name, start.message_id) == (
        "Via Roma 1",
        "Appointment Booked",
        "first",
    )


def test_the_newest_word_on_each_field_counts() -> None:
    moves = (
        moved(at="2026-06-02T08:00:00Z", place="Via Po 2"),
        moved(at="2026-06-03T09:00:00Z", message_id="last"),
    )
    start = Start(booked(place="Via Roma 1"), moves)
    assert start.at.isoformat() == "2026-06-03T09:00:00+00:00"
    assert start.place == "Via Po 2"  # the last move says nothing of the place: it has stayed
    assert start.message_id == "last"


def test_a_price_and_its_currency_are_of_one_event() -> None:
    start = Start(booked(price=40, currency="EUR"), (moved(currency="CZK"),))
    assert (start.price, start.currency) == (None, "CZK")
    start = Start(booked(price=40, currency="EUR"), (moved(price=1000),))
    assert (start.price, start.currency) == (1000, None)
    start = Start(booked(price=40, currency="EUR"), (moved(place="Via Po 2"),))
    assert (start.price, start.currency) == (40, "EUR")


def test_a_thing_has_no_fields_of_another_one() -> None:
    mug = ProductAdded(customer_id="c", product_id="mug", name="Mug", url="/mug")
    lamp = ProductAdded(customer_id="c", product_id="lamp", name="Lamp")
    start = Start(mug, (lamp,))
    assert (start.name, start.url) == ("Lamp", None)


def test_a_field_that_no_event_has_is_none_of_its_names() -> None:
    start = Start(booked(), (SubscriptionChanged(customer_id="c", subscription_id="s"),))
    assert start.place is None
    assert start.plan is None
    with pytest.raises(AttributeError, match="has no colour"):
        _ = start.colour
