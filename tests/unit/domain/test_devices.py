"""The device that the context of a call names."""

from typing import Any

import pytest

from sojourn.domain.customer import Customer
from sojourn.domain.devices import LONGEST_TOKEN, Device, read_device
from sojourn.domain.messages import Channel


@pytest.mark.parametrize(
    ("context", "device"),
    [
        ({"device": {"token": "t", "type": "iOS", "id": "x"}}, Device("t", "ios")),
        ({"device": {"token": " t "}, "os": {"name": "Android"}}, Device("t", "android")),
        ({"device": {"token": "t", "type": 3}}, Device("t")),
        ({"device": {"token": "t", "type": "an <odd> one"}}, Device("t")),
        ({"device": {"token": ""}}, None),
        ({"device": {"token": 7}}, None),
        ({"device": {"type": "ios"}}, None),
        ({"device": "t"}, None),
        ({"device": {"token": "a\0b"}}, None),
        ({"device": {"token": "\ud800"}}, None),
        ({"device": {"token": "t" * (LONGEST_TOKEN + 1)}}, None),
        ("device", None),
        (None, None),
    ],
)
def test_a_context_names_a_device_or_none(context: Any, device: Device | None) -> None:
    assert read_device(context) == device


def test_an_app_that_is_removed_leaves_its_device() -> None:
    device = read_device({"device": {"token": "t"}}, "Application Uninstalled")
    assert device is not None
    assert device.gone


def test_the_devices_take_the_place_of_the_cards_token() -> None:
    one = Customer("c", push_token="card")
    assert one.addresses(Channel.PUSH) == ("card",)
    assert one.reachable == {Channel.PUSH}
    many = Customer("c", push_token="card", devices=(Device("a"), Device("b")))
    assert (many.addresses(Channel.PUSH), many.address(Channel.PUSH)) == (("a", "b"), "a")
    none = Customer("c", push_token="card", devices=())
    assert (none.addresses(Channel.PUSH), none.reachable) == ((), frozenset())
