"""The key of a part of a thing: both are found again, no two keys are alike, old keys stay."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sojourn import EMAIL, Journey, Message, days
from sojourn.dispatch.routing import key_of, workflow_id
from sojourn.domain.errors import BadEvent
from sojourn.domain.keys import Reach, divided, joined, plain
from sojourn.events import (
    Event,
    Identifier,
    OrderCancelled,
    OrderDelivered,
    OrderShipped,
    Personal,
)
from sojourn.journeys.registry import Journeys
from sojourn.project import Project

GLOBAL = "gid://shopify/Order/7"
ODD = st.sampled_from(
    [
        "A", "B", "A/B", "A//B", "/", "//", "%", "%2F", "A%2FB", "%25", "a@b", "c.d", "a@b.co",
        "12", "12.0", " A ", "tok?key=1", "tok ?key=1", "Z2lkOi8v!", "%5A2lkOi8v", "+39 320 123456",
        GLOBAL, b64encode(GLOBAL.encode()).decode(),
    ]
)  # fmt: skip
IDS = st.one_of(ODD, st.text(), st.text(alphabet="AB/%25F@.:Z", max_size=8))
PARTS = st.one_of(st.none(), IDS)
ORDERS = Reach(
    "order_id",
    starts=("Order Shipped", "Order Delivered"),
    ends=("Order Cancelled", "Account Closed"),
    any_key=("Account Closed",),
    part="tracking_number",
    in_parts=("Order Shipped", "Order Delivered"),
)


def settled(value: object) -> str:
    """Return the form in which keys are compared; a few texts have a second one within them."""
    text = plain(value)
    while plain(text) != text:
        text = plain(text)
    return text


@given(thing=IDS, part=PARTS)
def test_thing_and_part_are_found_again(thing: str, part: str | None) -> None:
    key = joined(thing, part)
    expected = (settled(thing), settled(part)) if settled(thing) else ("", "")
    assert divided(key) == expected


@example(one=("A//B", None), other=("A", "B"))
@example(one=("A/", "B"), other=("A", "/B"))
@example(one=("A%2F", "B"), other=("A/", "B"))
@example(one=("A%2F%2FB", None), other=("A//B", None))
@given(one=st.tuples(IDS, PARTS), other=st.tuples(IDS, PARTS))
def test_no_two_keys_are_alike(one: tuple[str, str | None], other: tuple[str, str | None]) -> None:
    alike = [tuple(map(settled, pair)) for pair in (one, other)]
    if "" in (alike[0][0], alike[1][0]):
        return
    keys = [settled(joined(*pair)) for pair in (one, other)]
    assert (keys[0] == keys[1]) is (alike[0] == alike[1])


@example(thing="a@b", part="c.d")
@given(thing=IDS, part=IDS)
def test_the_key_of_a_part_is_written_in_one_way(thing: str, part: str) -> None:
    """It is compared as every other key is: runs, twins and entries know nothing of parts."""
    key = joined(thing, part)
    if settled(thing) and settled(part):
        assert plain(key) == key
        assert divided(key) == divided(plain(key))


@pytest.mark.parametrize("thing", ["o9", "2026/0042", " o9 ", GLOBAL, "o9?key=1", "o%9", "12.0"])
def test_the_key_of_a_whole_thing_is_as_it_was_sent(thing: str) -> None:
    assert joined(thing, None) == joined(thing, " ") == thing


def concerns(key: str, name: str, said: Mapping[str, Any], *, had: Any = None) -> bool:
    return ORDERS.concerns(key, name=name, said=ORDERS.said(name, said.get), seq=5, had=had)


@pytest.mark.parametrize(
    ("key", "name", "order", "number", "reached"),
    [
        pytest.param("o1//T1", "Order Shipped", "o1", "T1", True, id="its own"),
        pytest.param("o1//T1", "Order Shipped", "o1", " T1 ", True, id="written otherwise"),
        pytest.param("o1//T1", "Order Shipped", "o1", "T2", False, id="another parcel"),
        pytest.param("o1//T1", "Order Shipped", "o2", "T1", False, id="that of another order"),
        pytest.param("o1//T1", "Order Shipped", "o1", None, True, id="the order as a whole"),
        pytest.param("o1//T1", "Order Shipped", None, "T1", True, id="nobody knows which order"),
        pytest.param("o1", "Order Shipped", "o1", "T1", False, id="a parcel is not the whole"),
        pytest.param("o1", "Order Shipped", "o1", None, True, id="the whole"),
        pytest.param("o1//T1", "Order Cancelled", "o1", None, True, id="an end of the order"),
        pytest.param("o1//T1", "Order Cancelled", "o1", "T2", True, id="an end knows no parcels"),
        pytest.param("o1//T1", "Order Cancelled", "o2", None, False, id="an end of another one"),
        pytest.param("o1//T1", "Order Cancelled", "o3", None, True, id="an end of one nobody had"),
        pytest.param("o1//T1", "Account Closed", "o2", None, True, id="an end of every key"),
    ],
)
def test_an_event_reaches_its_part_or_the_whole(
    key: str, name: str, order: str | None, number: str | None, *, reached: bool
) -> None:
    said = {"order_id": order, "tracking_number": number}
    assert concerns(key, name, said, had={"o1": 1, "o2": 2}) is reached


class Parcels(
    Journey,
    name="parcels",
    starts_on=(OrderShipped, OrderDelivered),
    key="order_id",
    part="tracking_number",
    ends_on=OrderCancelled,
):
    """A word on each parcel."""

    word = Message(EMAIL, useful_for=days(1))

    async def steps(self) -> None:
        """Say it."""
        await self.send(self.word)


class Orders(Parcels, name="orders", part=""):
    """A journey that extends another one may be about whole orders."""


def test_the_run_of_a_parcel_has_an_id_of_its_own() -> None:
    parcel = OrderShipped(customer_id="c", order_id="2026/7", tracking_number="T:1")
    whole = OrderShipped(customer_id="c", order_id="2026/7", tracking_number="")
    ids = [workflow_id("parcels", "c", key_of(Parcels, one)) for one in (parcel, whole)]
    assert ids == ["parcels:c:2026%252F7//T%3A1", "parcels:c:2026/7"]
    assert key_of(Orders, parcel) == key_of(Parcels, whole) == "2026/7"
    assert key_of(Parcels, OrderCancelled(customer_id="c", order_id="o1")) == "o1"


def test_the_rule_names_the_events_that_know_parts() -> None:
    reach = Parcels.terms.reach
    assert (reach.part, set(reach.in_parts)) == (
        "tracking_number",
        {"Order Shipped", "Order Delivered"},
    )
    assert (Orders.terms.reach.part, Orders.terms.reach.in_parts) == ("", ())


def test_a_status_whose_parcel_cannot_be_read_is_not_one_of_the_whole_order() -> None:
    known = Project(journeys=Journeys({Parcels})).events
    sent = {"order_id": "o1", "tracking_number": ["T1", "T2"]}
    envelope = {"message_id": "m", "customer_id": "c"}
    with pytest.raises(BadEvent) as caught:
        known.understand("Order Shipped", sent, envelope)
    assert caught.value.path == "properties.tracking_number"


class Packed(Event, name="Packed"):
    """An event whose parts nobody may see."""

    order_id: Identifier
    box: Personal = None


@pytest.mark.parametrize(
    ("keywords", "fault"),
    [
        ({"key": "", "part": "tracking_number"}, "add key="),
        ({"part": "parcel"}, 'OrderShipped has no field "parcel"'),
        ({"part": "box", "starts_on": Packed}, 'Packed has no field "box".* in the id of a run'),
    ],
)
def test_a_part_needs_a_key_and_a_field_that_is_not_personal(
    keywords: dict[str, Any], fault: str
) -> None:
    with pytest.raises(TypeError, match=fault):
        type("Wrong", (Parcels,), {}, name="wrong", **keywords)
