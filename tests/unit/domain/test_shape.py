"""Shapes that the engine makes of its own values are those that pydantic would have made."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from sojourn.domain.messages import Channel, Enrolment, Heard, Reason, Receipt, Sent, Status

AT = datetime(2026, 3, 5, 11, tzinfo=UTC)
HEARD: dict[str, Any] = {"id": "e", "name": "Cart Updated", "at": AT, "seq": 7}
SHAPES: list[tuple[type[Any], dict[str, Any]]] = [
    (Heard, HEARD),
    (Heard, {**HEARD, "fields": {"cart_id": "k"}, "within": timedelta(minutes=5)}),
    (Enrolment, {"customer_id": "ada", "start": Heard(**HEARD), "edition": 2}),
    (Receipt, {"status": Status.SENT, "channel": Channel.SMS, "at": AT, "timezone": "UTC"}),
    (Sent, {"step": "offer", "status": Status.SKIPPED, "reason": Reason.TOO_LATE, "at": AT}),
]


@pytest.mark.parametrize(("shape", "values"), SHAPES)
def test_a_shape_that_is_made_equals_the_validated_one(
    shape: type[Any], values: dict[str, Any]
) -> None:
    made, read = shape.made(**values), shape(**values)
    assert made == read
    assert made.model_dump_json() == read.model_dump_json()
    assert shape.model_validate_json(made.model_dump_json()) == read


def test_a_copy_of_a_shape_that_is_made_equals_that_of_the_validated_one() -> None:
    update = {"key": "k", "timezone": "Europe/Rome"}
    values = {"customer_id": "ada", "start": Heard(**HEARD)}
    made, read = Enrolment.made(**values), Enrolment(**values)
    assert made.model_copy(update=update) == read.model_copy(update=update)
    assert made == read, "the original stays as it was"


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"id": "e", "name": "Cart Updated", "at": AT}, "seq"),
        ({**HEARD, "sequence": 7}, "sequence"),
        ({"id": "e", "name": "Cart Updated", "at": AT, "sequence": 7}, "seq, sequence"),
    ],
)
def test_a_missing_or_unknown_field_is_named(values: dict[str, Any], named: str) -> None:
    with pytest.raises(TypeError, match=f"Heard has other fields than those given: {named}"):
        Heard.made(**values)


def test_shapes_that_are_made_share_the_names_of_their_fields() -> None:
    """A million runs keep their beginnings in memory."""
    one, other = Heard.made(**HEARD), Heard.made(**HEARD)
    assert isinstance(one, BaseModel)
    assert one.model_fields_set is other.model_fields_set
