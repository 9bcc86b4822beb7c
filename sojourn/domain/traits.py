"""Traits of identify calls, read one by one: one that cannot be read is left out and named."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sojourn.domain.consent import Statement
from sojourn.domain.emails import read_email
from sojourn.domain.errors import BadCustomer, BadEvent, UnknownZone
from sojourn.domain.events import LARGEST, check_json
from sojourn.domain.events.naming import letters
from sojourn.domain.locales import region
from sojourn.domain.messages import Channel
from sojourn.domain.phones import NoCountry, NotAPhone, read_phone
from sojourn.domain.statements import TRAIT as STATEMENTS
from sojourn.domain.statements import channel_of, is_no, read_statement
from sojourn.domain.storable import check_storable, json_size
from sojourn.domain.zones import read_zone

CONSENT = "marketingConsent"
CARD = {
    "firstName": "first_name",
    "first_name": "first_name",
    "email": "email",
    "phone": "phone",
    "phone2": "phone2",
    "pushToken": "push_token",
    "push_token": "push_token",
    "locale": "locale",
    "timezone": "timezone",
}
NUMBERS = ("phone", "phone2")
"""The fields of the card that are phone numbers, the first one first."""
PHONES = "phones"
"""The trait that lists a customer's numbers, the first one first."""
MOST_NUMBERS = 20
"""Entries of the list that are looked at."""
_SECOND = ("phone2", "secondphone")
_NUMBER_OF = ("number", "phone", "value")
FEWEST_DIGITS = 5
"""Digits of the shortest number that is dialled within a country."""
_TEXT_LIMIT = 500
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SPACES = re.compile(r"[\t-\r\x85\u2028\u2029]+")
_COUNTRIES = ("country", "countryCode", "country_code")


@dataclass
class Traits:
    """The traits of one call, as far as they can be read.

    Args:
        card: fields of the card.
        attributes: other traits.
        consents: to promotional messages, by channel.
        statements: on consent, with their circumstances.
        phone: a number as it is dialled in a country that no trait of the call names.
        phone2: the second number, likewise.
        faults: why each other trait is left out; the path is ``traits.phone``.
        left: the traits that are left out, as they were sent.
    """

    card: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    consents: dict[Channel, bool] = field(default_factory=dict)
    statements: list[Statement] = field(default_factory=list)
    phone: str = ""
    phone2: str = ""
    faults: list[BadCustomer] = field(default_factory=list)
    left: dict[str, Any] = field(default_factory=dict)

    @property
    def tell_nothing(self) -> bool:
        """True if not one of them could be read."""
        said = self.card or self.attributes or self.consents or self.statements
        return bool(self.faults) and not (said or self.phone or self.phone2)

    def leave(self, trait: str, value: Any, error: BadEvent) -> None:
        """Leave a trait out.

        Args:
            trait: its name.
            value: as it was sent.
            error: the reason.
        """
        self.faults.append(BadCustomer(error.path, error.reason))
        self.left[trait] = value


def card_field(trait: str) -> str | None:
    """Return the field of the card that a trait tells; None for any other trait.

    For the second phone number, only letters and digits count: ``phone_2``, ``secondPhone``.
    """
    return CARD.get(trait) or ("phone2" if letters(trait) in _SECOND else None)


def read_traits(traits: Mapping[str, Any]) -> Traits:
    """Read the traits of an identify call, each by itself.

    Args:
        traits: as they were sent.

    Returns:
        Those that can be read, and why the others cannot.
    """
    found = Traits()
    spelled: dict[str, str] = {}
    room = LARGEST
    for trait, value in traits.items():
        path = f"traits.{trait}"
        try:
            if trait == CONSENT:
                _consents(found, value)
            elif trait == STATEMENTS:
                _statements(found, value)
            elif (name := card_field(trait)) is not None:
                if value is not None:
                    spelled[name] = trait
                    found.card[name] = _card_field(path, name, value)
            elif trait == PHONES and isinstance(value, list):
                continue  # after those that name their place
            else:
                room -= _keep_attribute(found, path, trait, value, room)
        except BadEvent as error:
            found.leave(trait, value, error)
    _numbers(found, traits, spelled)
    return found


def read_context(context: Mapping[str, Any]) -> dict[str, str]:
    """Return what the context of a call tells of the card: the SDKs put both there by themselves.

    Nobody wrote it on purpose, so a value that cannot be read is not a fault.
    """
    told: dict[str, str] = {}
    for name in ("locale", "timezone"):
        try:
            told[name] = _card_field(f"context.{name}", name, context.get(name))
        except BadCustomer:
            continue
    return {name: value for name, value in told.items() if value}


def countries_of(attributes: Mapping[str, Any]) -> Iterator[str]:
    """Yield the countries (ISO 3166) that traits name: ``country``, ``address.country``."""
    if not attributes:
        return
    address = attributes.get("address")
    for said in (attributes, address if isinstance(address, Mapping) else {}):
        for name in _COUNTRIES:
            if isinstance(value := said.get(name), str) and len(value.strip()) == 2:
                yield value.strip().upper()


def _card_field(path: str, name: str, value: Any) -> str:
    text = _text(path, value, one_line=name == "first_name")
    if not text:
        return ""
    if name == "email":
        try:
            return read_email(text)
        except ValueError as error:
            raise BadCustomer(path, str(error)) from None
    if name == "timezone":
        try:
            return read_zone(text)
        except UnknownZone as error:
            raise BadCustomer(path, str(error)) from None
    return text


def _numbers(found: Traits, traits: Mapping[str, Any], spelled: Mapping[str, str]) -> None:
    """Read the phone numbers, once all that may tell their country is known."""
    for name in NUMBERS:
        if found.card.get(name):
            written, trait = found.card.pop(name), spelled[name]
            try:
                _keep_number(found, name, _number(f"traits.{trait}", written, found, traits))
            except BadCustomer as fault:
                found.leave(trait, traits[trait], fault)
    if isinstance(traits.get(PHONES), list):
        _phones(found, traits, [name for name in NUMBERS if name not in spelled])


def _number(path: str, written: str, found: Traits, traits: Mapping[str, Any]) -> tuple[str, str]:
    """Read a number by the countries that the call itself names.

    Returns:
        The number as E.164; or, if the card has to tell the country, as it was written.
    """
    countries = [*countries_of(traits), region(found.card.get("locale", "")), ""]
    for country in countries:
        try:
            return read_phone(written, country), ""
        except NoCountry:
            continue  # the next one may know it, in the end the card
        except NotAPhone as error:
            raise BadCustomer(path, str(error)) from None
    if sum(c.isdigit() for c in written) < FEWEST_DIGITS:
        raise BadCustomer(path, "has too few digits for a phone number")
    return "", written


def _keep_number(found: Traits, name: str, number: tuple[str, str]) -> None:
    whole, dialled = number
    if whole:
        found.card[name] = whole
    setattr(found, name, dialled)


def _phones(found: Traits, traits: Mapping[str, Any], free: list[str]) -> None:
    """Read a list of numbers: those that can be read, in their order, until both places are told.

    The list is complete: a place that it does not fill has no number any more, unless one of its
    numbers could not be read. A trait of the place's own name outweighs it; ``free`` has the other
    places.
    """
    named = [(found.card.get(name, ""), getattr(found, name)) for name in NUMBERS]
    sent, faults = traits[PHONES], len(found.faults)
    told: list[tuple[str, str]] = []
    for place, item in enumerate(sent[:MOST_NUMBERS]):
        path = f"traits.{PHONES}.{place}"
        try:
            if item is not None and (text := _text(path, _number_in(item))):
                number = _number(path, text, found, traits)
                if number not in (*named, *told):
                    told.append(number)
        except BadCustomer as fault:
            found.leave(PHONES, sent, fault)
    for name in free:
        if told:
            _keep_number(found, name, told.pop(0))
        elif len(found.faults) == faults:
            found.card[name] = ""


def _number_in(item: Any) -> Any:
    """Return the number of an entry, which may be an object: ``{"number": "...", "type": ""}``."""
    if not isinstance(item, Mapping):
        return item
    return next((item[name] for name in _NUMBER_OF if item.get(name) is not None), item)


def _keep_attribute(found: Traits, path: str, trait: str, value: Any, room: int) -> int:
    """Keep a trait that is no field of the card; return its size in bytes."""
    read = _birthday(value) if trait == "birthday" else value
    _check_fit(trait, read)
    size = _size(path, trait, read, room)
    found.attributes[trait] = read
    return size


def _check_fit(trait: str, value: Any) -> None:
    try:
        check_storable({trait: value})
    except BadEvent as error:
        raise BadCustomer(f"traits.{error.path}", error.reason) from None


def _size(path: str, trait: str, value: Any, room: int) -> int:
    """Return the size of an attribute in bytes, if there is room for it."""
    check_json(path, value)
    size = json_size({trait: value})
    if size > room:
        raise BadCustomer(path, f"is too large: all traits have {LARGEST} bytes together")
    return size


def _text(path: str, value: Any, *, one_line: bool = False) -> str:
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise BadCustomer(path, "must be text")
    text = value if isinstance(value, str) else _digits(path, value)
    text = (_SPACES.sub(" ", text) if one_line else text).strip()
    if len(text) > _TEXT_LIMIT:
        raise BadCustomer(path, f"is longer than {_TEXT_LIMIT} characters")
    if _CONTROL.search(text):
        raise BadCustomer(path, "has a control character")
    if re.search(r"[\ud800-\udfff]", text):
        raise BadCustomer(path, "is not valid Unicode")
    return text


def _digits(path: str, value: int) -> str:
    try:
        return str(value)
    except ValueError:  # Python writes no more than 4300 digits
        raise BadCustomer(path, f"is longer than {_TEXT_LIMIT} characters") from None


def _birthday(value: Any) -> str | None:
    """Return the day alone: the SDKs send a moment of it, whose time means nothing.

    A form that was left blank takes the day back, as null does.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        day = date.fromisoformat(value.strip()[:10]) if isinstance(value, str) else None
    except ValueError:
        day = None
    if day is None or not 1850 <= day.year < 2200:
        raise BadCustomer("traits.birthday", 'is not a date; write it as "1985-04-23"')
    return day.isoformat()


def _consents(found: Traits, value: Any) -> None:
    """Read consents channel by channel; a plain no is one for every channel."""
    if value is None:
        return
    if not isinstance(value, Mapping):
        if not is_no(value):
            raise BadCustomer(f"traits.{CONSENT}", 'must be like {"email": true, "sms": false}')
        found.consents.update(dict.fromkeys(Channel, False))
        return
    left: dict[str, Any] = {}
    for name, said in value.items():
        path = f"traits.{CONSENT}.{name}"
        channel = channel_of(str(name))
        if channel is None:
            fault = f"no such channel; choose one of: {', '.join(Channel)}"
        elif is_no(said):
            found.consents[channel] = False
            continue
        elif said is True:
            found.consents.setdefault(channel, True)  # beside a no in another spelling
            continue
        else:
            fault = "must be true or false"
        left[str(name)] = said
        found.leave(CONSENT, left, BadCustomer(path, fault))


def _statements(found: Traits, value: Any) -> None:
    """Read statements one by one: a fault in one spoils no other."""
    if value is None:
        return
    items = [value] if isinstance(value, Mapping) else value
    if not isinstance(items, list):
        raise BadCustomer(
            f"traits.{STATEMENTS}", 'must be a list of {"channel": "email", "granted": true}'
        )
    left: list[Any] = []
    for number, item in enumerate(items):
        try:
            found.statements += read_statement(f"traits.{STATEMENTS}.{number}", item)
        except BadCustomer as fault:
            left.append(item)
            found.leave(STATEMENTS, left, fault)
