"""A second phone number among a call's traits: spellings, lists, and what cannot be read."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sojourn.domain.customer import Customer, Identity, home_zone, read_identity
from sojourn.domain.errors import BadCustomer
from sojourn.domain.messages import Channel

A, B, C = "+393201234567", "+393207654321", "+493012345678"


def read(**traits: Any) -> Identity:
    at = datetime(2024, 1, 8, 12, tzinfo=UTC)
    return read_identity(traits, customer_id="c", message_id="m", at=at)


@pytest.mark.parametrize(
    "trait", ["phone2", "phone_2", "Phone-2", "secondPhone", "second_phone", "SecondPhone"]
)
def test_every_spelling_tells_the_second_number(trait: str) -> None:
    said = read(phone=A, country="IT", **{trait: "320 765 4321"})
    assert said.card == {"phone": A, "phone2": B}
    assert trait not in said.attributes


@pytest.mark.parametrize("country", [{"country": "IT"}, {"locale": "it-IT"}])
def test_it_is_read_as_the_first_one_is(country: dict[str, str]) -> None:
    assert read(phone2="320 1234567", **country).card["phone2"] == A


def test_a_country_that_the_call_does_not_tell_is_left_to_the_card() -> None:
    said = read(phone2="320 1234567")
    assert (said.card, said.phone2) == ({}, "320 1234567")


def test_an_empty_text_takes_it_away_and_null_says_nothing() -> None:
    assert read(phone2="").card == {"phone2": ""}
    assert read(phone2=None, plan="pro").card == {}


@pytest.mark.parametrize(
    ("traits", "first", "second"),
    [
        ({"phones": [A, B]}, A, B),
        ({"phones": [A, B, C]}, A, B),
        ({"phones": [A]}, A, ""),
        ({"phones": []}, "", ""),
        ({"phones": [A, A, None, "", B]}, A, B),
        ({"phones": [{"number": A, "type": "mobile"}, {"value": B}]}, A, B),
        ({"phones": [int(A[1:]), int(B[1:])], "country": "IT"}, A, B),
        ({"phone": A, "phones": [A, B]}, A, B),
        ({"phone": B, "phones": [A, B]}, B, A),
        ({"phone": A, "phones": [A]}, A, ""),
        ({"phone2": A, "phones": [A, B]}, B, A),
        ({"phone": A, "phone2": B, "phones": [C]}, A, B),
        ({"phone": "", "phones": [A, B]}, "", A),
    ],
)
def test_a_list_of_numbers_fills_both_places(
    traits: dict[str, Any], first: str, second: str
) -> None:
    said = read(**traits)
    assert (said.card["phone"], said.card["phone2"]) == (first, second)
    assert not said.faults
    assert "phones" not in said.attributes


def test_a_number_of_a_list_that_cannot_be_read_is_left_out_and_takes_nothing_away() -> None:
    said = read(phones=["n/a", B])
    assert said.card == {"phone": B}
    assert [fault.path for fault in said.faults] == ["traits.phones.0"]
    assert said.left == {"phones": ["n/a", B]}


def test_a_trait_of_this_name_that_is_no_list_stays_as_it_was_sent() -> None:
    said = read(phones="see the address book")
    assert (said.card, said.attributes) == ({}, {"phones": "see the address book"})


def test_a_second_number_that_cannot_be_read_is_left_out_and_the_others_count() -> None:
    said = read(phone=A, secondPhone="n/a")
    assert said.card == {"phone": A}
    assert [fault.path for fault in said.faults] == ["traits.secondPhone"]
    assert said.left == {"secondPhone": "n/a"}
    with pytest.raises(BadCustomer, match=r"traits\.phone2"):
        read(phone2="n/a")


def test_the_addresses_of_a_card_are_in_their_order_each_once() -> None:
    both = Customer("c", phone=A, phone2=B)
    for channel in (Channel.SMS, Channel.WHATSAPP):
        assert both.addresses(channel) == (A, B)
        assert both.address(channel) == A
        assert Customer("c", phone2=B).addresses(channel) == (B,)
    assert Customer("c", phone=A, phone2=A).addresses(Channel.SMS) == (A,)
    brazil = Customer("c", phone="+5511991234567", phone2="+551191234567")
    assert len(brazil.addresses(Channel.SMS)) == 1
    assert both.addresses(Channel.EMAIL) == ()


def test_the_first_number_tells_the_zone_and_without_it_the_second() -> None:
    assert home_zone(Customer("c", phone=A, phone2=C), "UTC") == "Europe/Rome"
    assert home_zone(Customer("c", phone2=C), "UTC") == "Europe/Berlin"
