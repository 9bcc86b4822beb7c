"""The fields of identify calls, and the customer's time zone."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from babel.core import get_global

from sojourn.domain.addresses import normalised
from sojourn.domain.customer import (
    Customer,
    Identity,
    home_zone,
    one_time_countries,
    read_identity,
    read_phone_of,
)
from sojourn.domain.emails import is_email
from sojourn.domain.errors import BadCustomer
from sojourn.domain.messages import Channel
from sojourn.gateway.webhooks.shops.bodies import phone as shops_phone

NOON = datetime(2024, 1, 8, 12, tzinfo=UTC)


def _read(**traits: Any) -> Identity:
    return read_identity(traits, customer_id="c", message_id="m", at=NOON)


def _refused(**traits: Any) -> BadCustomer:
    with pytest.raises(BadCustomer) as refused:
        _read(**traits)
    assert "\n" not in str(refused.value)
    str(refused.value).encode()
    return refused.value


def _left_out(**traits: Any) -> list[str]:
    """Return the paths of the traits that are left out, beside a refusal that is heard."""
    read = _read(**traits, marketingConsent={"email": False})
    assert read.consents == {Channel.EMAIL: False}
    for fault in read.faults:
        assert "\n" not in str(fault)
        str(fault).encode()
    return [fault.path for fault in read.faults]


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
    "value",
    [
        "grp:x@y.example;",
        "x@y.example,",
        "x@y.example, z@y.example",
        "=?utf-8?q?x=40evil.example?=@y.example",
        "x(comment)@y.example",
        "Ada <x@y.example>",
        '"a b"@y.example',
        "x\u200b@y.example",
        "x@y\u200b.example",
        "\ufeffx@y.example",
        "x\u202e@y.example",
        "x@y.example\nBcc: z@y.example",
    ],
)
def test_an_address_is_one_mailbox_written_as_such(value: str) -> None:
    assert _refused(email=value).path == "traits.email"
    assert not is_email(value)
    assert Customer("c", email=value).reachable == frozenset(), "a card may be older than the check"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (" ada@shop.example ", "ada@shop.example"),
        ("Ada@Shop.EXAMPLE", "Ada@shop.example"),
        ("ada@m\u00fcnchen.example", "ada@xn--mnchen-3ya.example"),
        ("ada@xn--mnchen-3ya.example", "ada@xn--mnchen-3ya.example"),
        ("jose\u0301@shop.example", "jos\u00e9@shop.example"),
        ("ada@shop\u3002example", "ada@shop.example"),
        ("o'brien+news@shop.example", "o'brien+news@shop.example"),
    ],
)
def test_an_address_has_one_spelling(written: str, meant: str) -> None:
    assert _read(email=written).card["email"] == meant
    same = normalised(Channel.EMAIL, written)
    assert same == normalised(Channel.EMAIL, meant) == normalised(Channel.EMAIL, f"<{meant}>")
    assert same == normalised(Channel.EMAIL, f"Ada Byron <{meant}>")


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), pytest.param(10**5000, id="5001 digits"), "\ud800", "a\0b", {1}],
)
def test_other_traits_must_be_json(value: Any) -> None:
    assert _refused(score=value).path == "traits.score"
    assert _left_out(score=value) == ["traits.score"]


def test_a_bad_trait_loses_only_itself() -> None:
    said = {"plan": "gold", "firstName": "Ada", "email": "ada@shop.example", "timezone": "UTC"}
    bad = {"phone": "n/a", "locale": 7.5, "birthday": "soon", "score": float("nan")}
    read = _read(**said, **bad)
    assert read.card == {"first_name": "Ada", "email": "ada@shop.example", "timezone": "UTC"}
    assert read.attributes == {"plan": "gold"}
    assert [fault.path for fault in read.faults] == [
        f"traits.{trait}" for trait in bad if trait != "phone"
    ] + ["traits.phone"]
    assert read.left.keys() == bad.keys()


def test_traits_that_are_too_large_are_left_out_and_the_others_stay() -> None:
    read = _read(first="x" * 60_000, second="x" * 60_000, third="short")
    assert read.attributes.keys() == {"first", "third"}
    assert [fault.path for fault in read.faults] == ["traits.second"]


@pytest.mark.parametrize("name", ["Ada\nByron", "Ada\r\nByron", "Ada\tByron", "Ada\u2028Byron"])
def test_a_name_of_several_lines_is_one_line(name: str) -> None:
    assert _read(firstName=name).card["first_name"] == "Ada Byron"


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
        ("call me", "it-IT"),
        ("n/a", "it-IT"),
        ("+39 1", "it-IT"),
        ("+999 320 1234567", ""),
        ("+39" + "1" * 30, ""),
    ],
)
def test_a_malformed_phone_number_is_left_out(phone: str, locale: str) -> None:
    assert _left_out(phone=phone, locale=locale) == ["traits.phone"]
    assert _refused(phone=phone).path == "traits.phone"


@pytest.mark.parametrize(
    ("phone", "locale"),
    [
        ("320 1234567", ""),  # of which country?
        ("320 1234567", "it"),  # a language is no country
        ("7012 3456", "sv"),  # a number in El Salvador, had Swedish been one
        ("320 1234567", "en-US"),  # no number of the US, though it has ten digits
    ],
)
def test_a_number_whose_country_the_call_does_not_tell_waits_for_the_card(
    phone: str, locale: str
) -> None:
    read = _read(phone=phone, locale=locale)
    assert (read.phone, read.faults) == (phone, ())
    with pytest.raises(BadCustomer, match="names no country"):
        read_phone_of(Customer("c"), read.phone)


@pytest.mark.parametrize(
    ("phone", "country", "meant"),
    [
        ("491711234567", "DE", "+491711234567"),
        ("49 171 1234567", "DE", "+491711234567"),
        ("49-171-1234567", "DE", "+491711234567"),
        ("(49) 171 1234567", "DE", "+491711234567"),
        ("\uff14\uff191711234567", "DE", "+491711234567"),
        ("00491711234567", "DE", "+491711234567"),
        ("00491711234567", "", "+491711234567"),
        ("01711234567", "DE", "+491711234567"),
        ("1711234567", "DE", "+491711234567"),
        ("+49 (0)171 1234567", "", "+491711234567"),
        ("whatsapp:+491711234567", "DE", "+491711234567"),
        ("tel:+49-171-1234567", "", "+491711234567"),
        ("0491 1234567", "DE", "+494911234567"),  # the landline, written as one
        ("436641234567", "AT", "+436641234567"),
        ("393201234567", "IT", "+393201234567"),
        ("3931234567", "IT", "+393931234567"),  # a mobile number that begins like the code
        ("07700 900123", "GB", "+447700900123"),
        ("5215512345678", "MX", "+525512345678"),
        ("+52 1 55 1234 5678", "", "+525512345678"),
        ("5491123456789", "AR", "+5491123456789"),
        ("5531987654321", "BR", "+5531987654321"),
    ],
)
def test_a_number_without_plus_is_read_as_it_is_meant(phone: str, country: str, meant: str) -> None:
    assert _read(phone=phone, country=country).card["phone"] == meant
    assert shops_phone(phone, country or None) == meant


def test_a_number_that_could_be_two_is_left_out() -> None:
    """An Italian mobile number without plus is a landline in Havelberg as well."""
    assert _left_out(phone="393201234567", country="DE") == ["traits.phone"]
    assert shops_phone("393201234567", "DE") is None


@pytest.mark.parametrize(
    "known",
    [
        {"locale": "it-IT"},
        {"attributes": {"address": {"country": "it"}}},
        {"attributes": {"countryCode": "IT"}, "locale": "en-US"},
        {"phone": "+390212345678"},
    ],
)
def test_a_number_is_read_by_the_country_of_the_card(known: dict[str, Any]) -> None:
    written = _read(phone="320 1234567").phone
    assert read_phone_of(Customer("c", **known), written) == "+393201234567"


# ---- zones ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["Mars/Olympus", "../etc/passwd", "Europe", "CEST", "\ud800", "UTC+5:30", "GMT+15", "UTC-13"],
)
def test_an_unknown_zone_is_refused(name: str) -> None:
    assert _refused(timezone=name).path == "traits.timezone"
    assert _left_out(timezone=name) == ["traits.timezone"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Europe/Rome", "Europe/Rome"),
        ("europe/rome", "Europe/Rome"),
        ("America/New York", "America/New_York"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("w. europe standard time", "Europe/Berlin"),
        ("Pacific Standard Time", "America/Los_Angeles"),
        ("UTC", "UTC"),
        ("Z", "UTC"),
        ("UTC+0", "UTC"),
        ("UTC+2", "Etc/GMT-2"),
        ("UTC+02:00", "Etc/GMT-2"),
        ("GMT+0200", "Etc/GMT-2"),
        ("utc +2", "Etc/GMT-2"),
        ("+02:00", "Etc/GMT-2"),
        ("\u221202:00", "Etc/GMT+2"),
        ("-5", "Etc/GMT+5"),
        ("UTC+14", "Etc/GMT-14"),
    ],
)
def test_a_zone_is_understood_as_systems_write_it(written: str, meant: str) -> None:
    zone = _read(timezone=written).card["timezone"]
    assert zone == meant
    at = datetime.now(ZoneInfo(zone))
    if (hours := at.utcoffset()) and meant.startswith("Etc/GMT-"):
        assert hours == timedelta(hours=int(meant.removeprefix("Etc/GMT-")))


def test_every_zone_of_windows_is_one_that_there_is() -> None:
    for name in get_global("windows_zone_mapping"):
        ZoneInfo(_read(timezone=name).card["timezone"])


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
    [("fax", True), ("", True), (7, True), ("email", "true"), ("email", 1), ("email", None),
     ("email", {}), ("email", "")],
)  # fmt: skip
def test_consent_must_be_a_plain_yes_or_no_for_a_channel_there_is(
    channel: Any, granted: Any
) -> None:
    fault = _refused(marketingConsent={channel: granted})
    assert fault.path == f"traits.marketingConsent.{channel}"
    read = _read(marketingConsent={channel: granted, "sms": False})
    assert read.consents == {Channel.SMS: False}
    assert [fault.path for fault in read.faults] == [f"traits.marketingConsent.{channel}"]
    assert read.left == {"marketingConsent": {str(channel): granted}}


@pytest.mark.parametrize(
    "said", [False, 0, "false", "FALSE", " no ", "off", "0", "unsubscribed", "opted_out", "Opt-Out"]
)
def test_a_refusal_is_understood_however_it_is_said(said: Any) -> None:
    for channel in ("email", "Email", "E-Mail"):
        assert _read(marketingConsent={channel: said}).consents == {Channel.EMAIL: False}
    assert _read(marketingConsent=said).consents == dict.fromkeys(Channel, False)


def test_a_refusal_outweighs_a_consent_beside_it() -> None:
    for said in ({"email": True, "Email": False}, {"Email": False, "email": True}):
        assert _read(marketingConsent=said).consents == {Channel.EMAIL: False}


# ---- the context ---------------------------------------------------------------------------


def test_the_context_tells_what_can_be_read_of_it() -> None:
    for context, told in (
        (
            {"locale": "it-IT", "timezone": "Europe/Rome"},
            {"locale": "it-IT", "timezone": "Europe/Rome"},
        ),
        ({"locale": "it-IT", "timezone": "Mars"}, {"locale": "it-IT"}),
        ({"timezone": "UTC+2"}, {"timezone": "Etc/GMT-2"}),
        ({"locale": 7.5, "timezone": None, "page": {}}, {}),
        ({"locale": "", "timezone": []}, {}),
    ):
        read = read_identity({}, customer_id="c", message_id="m", at=NOON, context=context)
        assert (read.context, read.card, read.faults) == (told, {}, ())


# ---- birthday ------------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["1985-04-23", "1985-04-23T00:00:00.000Z"])
def test_a_birthday_is_a_day(said: str) -> None:
    assert _read(birthday=said).attributes == {"birthday": "1985-04-23"}


@pytest.mark.parametrize("said", ["23/04/1985", "1985-02-30", "0001-01-01", 482976000, True, []])
def test_a_malformed_birthday_is_refused(said: object) -> None:
    assert _refused(birthday=said).path == "traits.birthday"


@pytest.mark.parametrize("said", ["", "  ", None])
def test_a_blank_birthday_is_taken_back(said: object) -> None:
    assert _read(birthday=said).attributes == {"birthday": None}


# ---- reach ---------------------------------------------------------------------------------


def test_a_channel_reaches_customers_with_its_address() -> None:
    customer = Customer("c", phone="+393201234567")
    assert customer.reachable == {Channel.SMS, Channel.WHATSAPP}
    assert customer.address(Channel.WHATSAPP) == "+393201234567"
    assert Customer("c").reachable == frozenset()
