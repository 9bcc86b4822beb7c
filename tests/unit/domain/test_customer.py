"""The fields of identify calls, and the customer's time zone."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sojourn.domain.customer import Customer, Identity, home_zone, one_time_countries, read_identity
from sojourn.domain.errors import BadCustomer
from sojourn.domain.messages import Channel

NOON = datetime(2024, 1, 8, 12, tzinfo=UTC)


def _read(**traits: Any) -> Identity:
    return read_identity(traits, customer_id="c", message_id="m", at=NOON)


def _refused(**traits: Any) -> BadCustomer:
    with pytest.raises(BadCustomer) as refused:
        _read(**traits)
    assert "\n" not in str(refused.value)
    str(refused.value).encode()
    return refused.value


# ---- traits --------------------------------------------------------------------------------


def test_traits_become_the_card_and_the_rest_attributes() -> None:
    identity = _read(firstName=" Ada ", pushToken="t", email="ada@shop.example", plan="gold", age=7)
    assert identity.card == {"first_name": "Ada", "push_token": "t", "email": "ada@shop.example"}
    assert identity.attributes == {"plan": "gold", "age": 7}


def test_a_trait_that_is_not_named_is_not_touched_and_an_empty_one_is_emptied() -> None:
    assert _read(firstName=None).card == {}
    assert _read(phone="").card == {"phone": ""}


@pytest.mark.parametrize("value", [["Ada"], {"first": "Ada"}, True, 1.5])
def test_a_name_must_be_text(value: Any) -> None:
    assert _refused(firstName=value).path == "traits.firstName"


@pytest.mark.parametrize(
    "value", ["x" * 501, "A\0da", "Ada\n", "\ud800", pytest.param(10**5000, id="5001 digits")]
)
def test_a_name_must_be_writable(value: Any) -> None:
    if value == "Ada\n":
        assert _read(firstName=value).card["first_name"] == "Ada"
    else:
        assert _refused(firstName=value).path == "traits.firstName"


@pytest.mark.parametrize(
    "value", ["ada", "ada@", "@shop.example", "a b@shop.example", "a@b@c", "<a@b>", "a@\ud800.it"]
)
def test_a_malformed_address_is_refused(value: str) -> None:
    assert _refused(email=value).path == "traits.email"


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), pytest.param(10**5000, id="5001 digits"), "\ud800", {1}]
)
def test_other_traits_must_be_json(value: Any) -> None:
    assert _refused(score=value).path == "traits"


# ---- phones --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phone", "locale", "meant"),
    [
        ("+39 320 123 4567", "", "+393201234567"),
        ("+39 320 123 4567", "pl-PL", "+393201234567"),
        ("320 1234567", "it-IT", "+393201234567"),
        ("320 1234567", "it_IT.UTF-8", "+393201234567"),
        ("0048 512 345 678", "pl-PL", "+48512345678"),
        ("070-123 45 67", "sv-SE", "+46701234567"),
        ("+393201234567;ext=5", "", "+393201234567"),
    ],
)
def test_a_phone_number_becomes_e164(phone: str, locale: str, meant: str) -> None:
    assert _read(phone=phone, locale=locale).card["phone"] == meant


@pytest.mark.parametrize(
    ("phone", "locale"),
    [
        ("320 1234567", ""),  # of which country?
        ("320 1234567", "it"),  # a language is no country
        ("7012 3456", "sv"),  # a number in El Salvador, had Swedish been one
        ("call me", "it-IT"),
        ("+39 1", "it-IT"),
        ("+999 320 1234567", ""),
        ("+39" + "1" * 30, ""),
    ],
)
def test_a_malformed_phone_number_is_refused(phone: str, locale: str) -> None:
    assert _refused(phone=phone, locale=locale).path == "traits.phone"


# ---- zones ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Mars/Olympus", "../etc/passwd", "Europe", "CEST", "\ud800"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    assert _refused(timezone=name).path == "traits.timezone"


@pytest.mark.parametrize(
    ("card", "zone"),
    [
        ({"timezone": "Asia/Tokyo", "phone": "+393201234567", "locale": "pl-PL"}, "Asia/Tokyo"),
        ({"phone": "+393201234567", "locale": "pl-PL"}, "Europe/Rome"),
        ({"phone": "+12125550123", "locale": "pl-PL"}, "Europe/Warsaw"),  # the US has many times
        ({"phone": "+12125550123", "locale": "en-US"}, "UTC"),
        ({"locale": "it_IT.UTF-8"}, "Europe/Rome"),
        ({"locale": "zh-Hant-TW"}, "Asia/Taipei"),
        ({"locale": "de-CH-1996"}, "Europe/Zurich"),
        ({"locale": "es-419"}, "UTC"),
        ({"locale": "sv"}, "UTC"),  # Swedish, not El Salvador
        ({"locale": "et"}, "UTC"),  # Estonian, not Ethiopia
        ({"locale": "it"}, "UTC"),
        ({"locale": "!!"}, "UTC"),
        ({}, "UTC"),
    ],
)
def test_the_home_zone_follows_from_the_card(card: dict[str, str], zone: str) -> None:
    assert home_zone(Customer("c", **card), "UTC") == zone  # type: ignore[arg-type]


def test_a_country_with_several_times_tells_nothing() -> None:
    zones = one_time_countries()
    assert not {"US", "RU", "BR", "AU", "ES"} & zones.keys()
    assert {"IT", "PL", "GB", "JP", "IN"} <= zones.keys()


# ---- consent -------------------------------------------------------------------------------


def test_consent_is_by_channel() -> None:
    said = _read(marketingConsent={"email": True, "sms": False})
    assert said.consents == {Channel.EMAIL: True, Channel.SMS: False}
    assert said.attributes == {}
    assert _read(marketingConsent={}).consents == _read(marketingConsent=None).consents == {}


@pytest.mark.parametrize("value", [True, "yes", ["email"], 1, "email"])
def test_consent_must_say_which_channel(value: Any) -> None:
    assert _refused(marketingConsent=value).path == "traits.marketingConsent"


@pytest.mark.parametrize(
    ("channel", "granted"),
    [("fax", True), ("Email", True), ("", True), (7, True), ("email", "true"), ("email", 1),
     ("email", None)],
)  # fmt: skip
def test_consent_must_be_a_plain_yes_or_no_for_a_channel_there_is(
    channel: Any, granted: Any
) -> None:
    fault = _refused(marketingConsent={channel: granted})
    assert fault.path == f"traits.marketingConsent.{channel}"


# ---- birthday ------------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["1985-04-23", "1985-04-23T00:00:00.000Z"])
def test_a_birthday_is_a_day(said: str) -> None:
    assert _read(birthday=said).attributes == {"birthday": "1985-04-23"}


@pytest.mark.parametrize("said", ["23/04/1985", "1985-02-30", "0001-01-01", 482976000, True, []])
def test_a_malformed_birthday_is_refused(said: object) -> None:
    assert _refused(birthday=said).path == "traits.birthday"


# ---- reach ---------------------------------------------------------------------------------


def test_a_channel_reaches_customers_with_its_address() -> None:
    customer = Customer("c", phone="+393201234567")
    assert customer.reachable == {Channel.SMS, Channel.WHATSAPP}
    assert customer.address(Channel.WHATSAPP) == "+393201234567"
    assert Customer("c").reachable == frozenset()
