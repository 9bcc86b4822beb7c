"""Phone numbers as people and their programs write them, read as E.164 or not at all.

A number that is read wrongly reaches a stranger. So a number that may be read in two ways is
refused, and one without a country is not guessed.
"""

import re

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumber, PhoneNumberFormat, PhoneNumberType

MOBILE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
_DECORATION = re.compile(r"^\s*(?:whatsapp:|sms:|tel:)\s*", re.IGNORECASE)
_TWO_ZEROS = re.compile(r"^[\s(]*00")
_DIGITS = re.compile(r"[\s().\-/]*\d[\d\s().\-/]*", re.ASCII)
_FULL = str.maketrans("+０１２３４５６７８９", "+0123456789")
_MEXICO_MOBILE = re.compile(r"^\+?\s*52\s*1[\s\-]*(?=(?:\d[\s\-]*){10}$)")
LONGEST_FOREIGN = 11
"""Digits from which a number without plus may begin with the code of another country."""


class NotAPhone(ValueError):
    """A text that is no phone number; it says why, as the second half of a sentence."""


class NoCountry(NotAPhone):
    """A number as it is dialled inside a country, and nothing tells which country."""


class Ambiguous(NotAPhone):
    """A number that could be two."""


def read_phone(written: str, country: str = "", *, certain: bool = True) -> str:
    """Return a phone number as E.164.

    A number without plus that begins with its own country's code may be meant with the plus, as
    WhatsApp and many CRMs write numbers: ``491711234567``. Where the national reading is a number
    as well, the one that reaches a mobile phone counts; if both or none does, it is refused.

    Args:
        written: as it was written: ``+39 320 1234567``, ``0171 1234567``, ``491711234567``.
        country: where a number without a country's code is dialled (ISO 3166); may be empty.
        certain: the country was said together with the number. With a country known from elsewhere,
            and for bare digits without a trunk prefix, only numbers in use there are read.

    Returns:
        ``+393201234567``.

    Raises:
        NoCountry: it has no country's code, and ``country`` is empty.
        Ambiguous: it could be two numbers.
        NotAPhone: it is not a number.
    """
    text = _DECORATION.sub("", written.translate(_FULL)).strip()
    text = _MEXICO_MOBILE.sub("+52", _TWO_ZEROS.sub("+", text))
    if text.startswith("+") or country not in phonenumbers.SUPPORTED_REGIONS:
        return _e164(_possible(_parsed(text, None)))
    home = _parsed(text, country)
    if not _is_bare(text):
        return _e164(_of_country(home, certain=certain))
    abroad = _parsed_or_none("+" + "".join(c for c in text if c.isdigit()))
    if abroad is None or not phonenumbers.is_valid_number(abroad) or abroad == home:
        return _e164(_of_country(home, certain=False))
    return _e164(_meant(home, abroad, country))


def country_of(number: str) -> str:
    """Return the country of an E.164 number (ISO 3166); empty if its code tells none."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(number)) or ""
    except phonenumbers.NumberParseException:
        return ""


def _meant(home: PhoneNumber, abroad: PhoneNumber, country: str) -> PhoneNumber:
    """Return which of two readings of bare digits is meant."""
    in_use = phonenumbers.is_valid_number(home)
    is_own = abroad.country_code == home.country_code
    if is_own and not in_use:
        return abroad
    mobile_home, mobile_abroad = _is_mobile(home), _is_mobile(abroad)
    if is_own and mobile_home != mobile_abroad:
        return home if mobile_home else abroad
    # inside a country with a trunk prefix a full number begins with it, so this one may be foreign
    digits = len(str(abroad.country_code)) + len(phonenumbers.national_significant_number(abroad))
    metadata = PhoneMetadata.metadata_for_region(country)
    foreign = (
        metadata is not None
        and bool(metadata.national_prefix)
        and digits >= LONGEST_FOREIGN
        and mobile_abroad
        and not mobile_home
    )
    if is_own or foreign:
        raise Ambiguous("could be two numbers without its country's code; write it with a +")
    return _of_country(home, certain=False)


def _is_bare(text: str) -> bool:
    """Tell whether a number is written in digits alone, without a trunk prefix."""
    return bool(_DIGITS.fullmatch(text)) and text.lstrip(" (")[:1] != "0"


def _is_mobile(number: PhoneNumber) -> bool:
    return phonenumbers.number_type(number) in MOBILE


def _parsed(text: str, country: str | None) -> PhoneNumber:
    try:
        return phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException as error:
        if error.error_type == error.INVALID_COUNTRY_CODE and not text.startswith("+"):
            raise NoCountry("lacks its country; write it as +39 320 1234567") from None
        raise NotAPhone("is not a phone number; write it as +39 320 1234567") from None


def _parsed_or_none(text: str) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return None


def _possible(number: PhoneNumber) -> PhoneNumber:
    if not phonenumbers.is_possible_number(number):
        raise NotAPhone("has too few or too many digits for a phone number")
    return number


def _of_country(number: PhoneNumber, *, certain: bool) -> PhoneNumber:
    if not certain and not phonenumbers.is_valid_number(number):
        raise NoCountry("is not in use in the customer's country; write it as +39 320 1234567")
    return _possible(number)


def _e164(number: PhoneNumber) -> str:
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))
