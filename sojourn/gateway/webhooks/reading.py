"""JSON of strangers, read field by field: what does not fit is named by its path."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import phonenumbers

from sojourn.domain.errors import BadEvent
from sojourn.domain.events import LONGEST_ID
from sojourn.domain.reading import read_moment
from sojourn.domain.storable import check_storable
from sojourn.domain.strict_json import read_json as read_strict_json

LONGEST_TEXT = 200
"""Characters of a product's name and the like; the rest is cut off."""
_AMOUNT = re.compile(r"-?\d{1,12}(\.\d{1,30})?", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_LONGEST_EMAIL = 500
_LONGEST_LINK = 1000


def read_json(body: bytes) -> Any:
    """The JSON of a webhook's body.

    Raises:
        BadEvent: it is none, or holds what cannot be kept.
    """
    value = read_strict_json(body)
    check_storable({"body": value})
    return value


class Fields:
    """A JSON object whose fields are asked for by name and kind.

    Every question answers None for a field that is missing, null or empty, and raises `BadEvent`
    with the field's path for one of another kind.

    Args:
        value: what should be an object.
        path: where it stands in the body.
    """

    def __init__(self, value: Any, path: str = "") -> None:
        if not isinstance(value, Mapping):
            raise BadEvent(path or "body", "must be an object")
        self._values = value
        self._path = path

    def __bool__(self) -> bool:
        return bool(self._values)

    def fault(self, name: str, reason: str) -> BadEvent:
        """What is wrong with a field."""
        return BadEvent(self._at(name), reason)

    def inner(self, name: str) -> "Fields":
        """An object inside; an empty one if there is none."""
        value = self._values.get(name)
        return Fields({} if value is None else value, self._at(name))

    def each(self, name: str) -> list["Fields"]:
        """The objects of a list inside."""
        value = self._values.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.fault(name, "must be a list")
        return [Fields(one, f"{self._at(name)}.{n}") for n, one in enumerate(value)]

    def text(self, name: str, *, longest: int = LONGEST_TEXT) -> str | None:
        """A text, cut where it is too long to be one."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.fault(name, "must be text")
        return _CONTROL.sub(" ", value).strip()[:longest] or None

    def email(self, name: str) -> str | None:
        """An e-mail address, whole; whether it is one is asked later."""
        return self.text(name, longest=_LONGEST_EMAIL)

    def link(self, name: str) -> str | None:
        """An address of a page or a picture; left out if it is too long to be one."""
        value = self.text(name, longest=_LONGEST_LINK + 1)
        return value if value and len(value) <= _LONGEST_LINK else None

    def identifier(self, name: str) -> str | None:
        """An id: shops write them as numbers and as texts."""
        value = self._values.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise self.fault(name, "must be an id")
        if len(str(value)) > LONGEST_ID or _CONTROL.search(str(value)):
            raise self.fault(name, f"is no id: 1 to {LONGEST_ID} characters without control codes")
        return str(value)

    def must(self, name: str, *, number: bool = False) -> str:
        """An id that has to be there."""
        value = self.number(name) if number else self.identifier(name)
        if value is None:
            raise self.fault(name, "is missing")
        return value

    def number(self, name: str) -> str | None:
        """An id that is a number, as customers' are: an e-mail address cannot slip in as one."""
        value = self.identifier(name)
        if value is not None and not (value.isascii() and value.isdigit()):
            raise self.fault(name, "must be a number")
        return value

    def money(self, name: str) -> str | None:
        """An amount as it was written; no digit of a text is touched."""
        value = self._values.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self.fault(name, "must be an amount")
        if isinstance(value, float):  # a sender that computes in binary
            value = f"{value:.6f}".rstrip("0").rstrip(".") if math.isfinite(value) else ""
        if not _AMOUNT.fullmatch(str(value)):
            raise self.fault(name, "must be an amount like 49.90")
        return str(value)

    def whole(self, name: str) -> int | None:
        """A whole number that is not negative."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 1_000_000:
            raise self.fault(name, "must be a whole number, 0 to 1000000")
        return value

    def flag(self, name: str) -> bool:
        """True or false; false if missing."""
        value = self._values.get(name)
        if not isinstance(value, bool | None):
            raise self.fault(name, "must be true or false")
        return bool(value)

    def moment(self, name: str, *, utc: bool = False) -> datetime | None:
        """An instant.

        Args:
            name: the field.
            utc: the sender writes UTC, and no zone.
        """
        value = self._values.get(name)
        if value is None or value == "":
            return None
        zoned = f"{value}Z" if utc and isinstance(value, str) else value
        return read_moment(self._at(name), zoned).astimezone(UTC)

    def _at(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name


def phone(number: str | None, country: str | None) -> str | None:
    """A phone number as E.164; None if it cannot be read as one.

    Shoppers write what they like, and a phone number is no reason to lose an e-mail address.
    """
    if not number:
        return None
    try:
        read = phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(read):
        return None
    return str(phonenumbers.format_number(read, phonenumbers.PhoneNumberFormat.E164))
