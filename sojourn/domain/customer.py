"""The customer's card: a person, and how to reach them. It never enters a workflow."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

import phonenumbers
from babel.core import get_global
from email_validator import EmailNotValidError, validate_email

from sojourn.domain.calendar import zone
from sojourn.domain.errors import BadCustomer, BadEvent, UnknownZone
from sojourn.domain.events import check_json
from sojourn.domain.locales import region
from sojourn.domain.messages import Channel


@dataclass(frozen=True)
class Customer:
    """A customer as the store knows them now.

    Args:
        customer_id: opaque; never an address.
        known: an identify call was seen; an event alone does not make somebody known.
        erased: the person asked to be forgotten.
        first_name: for greetings; may be missing.
        email: address for e-mail.
        phone: E.164, for SMS and WhatsApp.
        push_token: of the customer's device.
        locale: BCP 47 as given: ``it-IT``; empty if not known.
        timezone: IANA name as given; empty if not known.
        attributes: everything else that identify calls said.
    """

    customer_id: str
    known: bool = False
    erased: bool = False
    first_name: str = ""
    email: str = ""
    phone: str = ""
    push_token: str = ""
    locale: str = ""
    timezone: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)

    def address(self, channel: Channel) -> str:
        """Return the customer's address on a channel; empty without one."""
        match channel:
            case Channel.EMAIL:
                return self.email
            case Channel.PUSH:
                return self.push_token
            case Channel.SMS | Channel.WHATSAPP:
                return self.phone

    @property
    def reachable(self) -> frozenset[Channel]:
        """The channels that have an address."""
        return frozenset(channel for channel in Channel if self.address(channel))


@dataclass(frozen=True)
class Identity:
    """The words of one identify call on the fields it names; on other fields it says nothing.

    Args:
        customer_id: the customer it is about.
        message_id: the call's own id; consents point back to it.
        at: when it was said; a later word outweighs an earlier one, in whatever order they arrive.
        card: card fields named by the call.
        attributes: other traits.
        consents: consent to promotional messages by channel.
    """

    customer_id: str
    message_id: str
    at: datetime
    card: dict[str, str]
    attributes: dict[str, Any]
    consents: dict[Channel, bool]


@dataclass(frozen=True)
class Word:
    """The last word on one field of a card.

    Args:
        value: the field's value.
        at: when it was said.
        source: the message id of the call that said it; empty from before calls were kept.
    """

    value: Any
    at: datetime
    source: str


_CARD = {
    "firstName": "first_name",
    "first_name": "first_name",
    "email": "email",
    "phone": "phone",
    "pushToken": "push_token",
    "push_token": "push_token",
    "locale": "locale",
    "timezone": "timezone",
}
_TEXT_LIMIT = 500


def read_identity(
    traits: Mapping[str, Any], *, customer_id: str, message_id: str, at: datetime
) -> Identity:
    """Read the traits of an identify call.

    Args:
        traits: as they were sent.
        customer_id: the customer they are about.
        message_id: the call's own id.
        at: when it was said.

    Returns:
        What the call says.

    Raises:
        BadCustomer: a trait does not validate; its path is ``traits.phone``.
    """
    card: dict[str, str] = {}
    attributes: dict[str, Any] = {}
    for trait, value in traits.items():
        if trait == "marketingConsent":
            continue
        if trait not in _CARD:
            attributes[trait] = _birthday(value) if trait == "birthday" else value
        elif value is not None:
            card[_CARD[trait]] = _text(f"traits.{trait}", value)
    try:
        check_json("traits", attributes)
    except BadEvent as error:
        raise BadCustomer(error.path, error.reason) from None
    if card.get("timezone"):
        try:
            zone(card["timezone"])
        except UnknownZone as error:
            raise BadCustomer("traits.timezone", str(error)) from None
    if card.get("email") and not _is_email(card["email"]):
        raise BadCustomer("traits.email", "is no e-mail address")
    if card.get("phone"):
        card["phone"] = _e164(card["phone"], card.get("locale", ""))
    return Identity(
        customer_id, message_id, at, card, attributes, _consents(traits.get("marketingConsent"))
    )


def home_zone(customer: Customer, default: str) -> str:
    """Return the customer's time zone: the given one, else that of the phone's or locale's country.

    A country whose clocks differ tells nothing, and ``default`` holds. An area code is no location:
    numbers move with people.
    """
    if customer.timezone:
        return customer.timezone
    countries = [region(customer.locale)]
    if customer.phone:
        number = phonenumbers.parse(customer.phone)
        countries.insert(0, phonenumbers.region_code_for_number(number) or "")
    zones = one_time_countries()
    return next((zones[country] for country in countries if country in zones), default)


@lru_cache(maxsize=1)
def one_time_countries() -> dict[str, str]:
    """Return a time zone for each country whose clocks all agree (ISO 3166, Unicode CLDR)."""
    known = available_timezones()
    names: dict[str, list[str]] = {}
    for name, country in get_global("zone_territories").items():
        if name in known:
            names.setdefault(country, []).append(name)
    return {
        country: min(zones) for country, zones in names.items() if len(set(map(_year, zones))) == 1
    }


def _year(name: str) -> tuple[timedelta | None, ...]:
    """Return a zone's offsets over a year: zones that share them show the same time."""
    return tuple(
        datetime(2024, month, 15, tzinfo=UTC).astimezone(zone(name)).utcoffset()
        for month in range(1, 13)
    )


def _is_email(address: str) -> bool:
    """Tell whether an address has the syntax of RFC 5321 or 6531; its domain is not looked up."""
    try:
        validate_email(
            address, check_deliverability=False, globally_deliverable=False, test_environment=True
        )
    except EmailNotValidError:
        return False
    return True


def _text(path: str, value: Any) -> str:
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise BadCustomer(path, "must be text")
    text = value.strip() if isinstance(value, str) else _digits(path, value)
    if len(text) > _TEXT_LIMIT:
        raise BadCustomer(path, f"is longer than {_TEXT_LIMIT} characters")
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise BadCustomer(path, "has a control character")
    if re.search(r"[\ud800-\udfff]", text):
        raise BadCustomer(path, "is not valid Unicode")
    return text


def _birthday(value: Any) -> str | None:
    """Return the day alone: the SDKs send a moment of it, whose time means nothing."""
    if value is None:
        return None
    try:
        day = date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        day = None
    if day is None or not 1850 <= day.year < 2200:
        raise BadCustomer("traits.birthday", 'is no date; write it as "1985-04-23"')
    return day.isoformat()


def _digits(path: str, value: int) -> str:
    try:
        return str(value)
    except ValueError:  # Python writes no more than 4300 digits
        raise BadCustomer(path, f"is longer than {_TEXT_LIMIT} characters") from None


def _e164(phone: str, locale: str) -> str:
    try:
        number = phonenumbers.parse(phone, region(locale) or None)
    except phonenumbers.NumberParseException:
        raise BadCustomer(
            "traits.phone", "is no phone number; write it as +39 320 1234567"
        ) from None
    if not phonenumbers.is_possible_number(number):
        raise BadCustomer("traits.phone", "has too few or too many digits for a phone number")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _consents(value: Any) -> dict[Channel, bool]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise BadCustomer("traits.marketingConsent", 'must be like {"email": true, "sms": false}')
    consents = {}
    for channel, granted in value.items():
        path = f"traits.marketingConsent.{channel}"
        if channel not in list(Channel):
            raise BadCustomer(path, f"no such channel: there is {', '.join(Channel)}")
        if not isinstance(granted, bool):
            raise BadCustomer(path, "must be true or false")
        consents[Channel(channel)] = granted
    return consents
