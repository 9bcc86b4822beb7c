"""Made-up fields of events validate, whatever the types of the fields."""

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from sojourn.domain.errors import BadInput
from sojourn.domain.events import Currency, Event, Identifier, Moment, Money
from sojourn.domain.events.samples import made_up_fields, made_up_ids
from tests.support.project import PROJECT


class Opened(Event, name="Opened"):
    account_id: str
    at: Moment
    note: str = ""


NOW = datetime(2024, 1, 8, 12, tzinfo=UTC)


class Colour(StrEnum):
    RED = "red"


class Parcel(BaseModel):
    weight: float
    colour: Colour


class Shipped(Event, name="Shipped"):
    order_id: Identifier
    parcel: Parcel
    arrives_at: Moment
    on: date
    paid: Money
    currency: Currency
    signed: bool
    way: Literal["road", "air"]
    items: tuple[str, ...]
    box_id: Identifier | None = None
    note: str | None = None


@pytest.mark.parametrize("event", PROJECT.events.values(), ids=lambda event: event.__name__)
def test_every_event_of_the_shop_can_be_made_up(event: type[Event]) -> None:
    event(customer_id="c", **made_up_fields(event, now=NOW))


def test_a_field_of_each_type_is_made_up() -> None:
    made = Shipped(customer_id="c", **made_up_fields(Shipped, also="box_id", now=NOW))
    assert made.order_id == "order_id-1"
    assert made.box_id == "box_id-1"
    assert made.arrives_at > NOW
    assert made.way == "road"
    assert made.parcel.colour is Colour.RED
    assert made.note is None


def test_a_field_that_nothing_fits_is_named() -> None:
    class Guarded(BaseModel):
        never: Annotated[str, Field(pattern="^xyzzy$")]

    with pytest.raises(BadInput, match='"never"'):
        made_up_fields(Guarded, now=NOW)


def test_ids_alone_are_made_up_for_tests() -> None:
    assert made_up_ids(Opened) == {"customer_id": "customer_id-1", "account_id": "account_id-1"}
