"""Bodies of shops' webhooks as pydantic models: their field types, and faults in our words.

A field that does not fit is refused, and named by its path. Fields that only stand in for others
are different: one that is marked by `stands_in_for` is read only if the others are missing, and a
`Lenient` one that cannot be read counts as missing. No order may be lost to a field that nobody
needs.
"""

import math
import re
from operator import attrgetter
from types import SimpleNamespace
from typing import Annotated, Any, TypeVar

import phonenumbers
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from sojourn.domain.errors import BadEvent
from sojourn.domain.events import LONGEST_ID
from sojourn.domain.events import Moment as AnyMoment

MOST_LINES = 100
"""Lines of a cart or an order that are read."""
LONGEST_TEXT = 200
"""Characters of a product's name and the like; the rest is cut off."""
_LONGEST_EMAIL = 500
_LONGEST_LINK = 1000
_MOST_PIECES = 1_000_000
_AMOUNT = re.compile(r"-?\d{1,12}(\.\d{1,30})?", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")

T = TypeVar("T")


class Body(BaseModel):
    """A body, or an object inside one. Fields that are not named are not read."""

    model_config = ConfigDict(frozen=True, extra="ignore")


Model = TypeVar("Model", bound=Body)


def read_body(model: type[Model], body: Any) -> Model:
    """Read a body by its model.

    Raises:
        BadEvent: a field does not validate; the path names it.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = ".".join(str(part) for part in first["loc"]) or "body"
        raise BadEvent(path, _reason(first["type"], first["msg"])) from None


_REASONS = {
    "missing": "is missing",
    "model_type": "must be an object",
    "list_type": "must be a list",
}


def _reason(kind: str, message: str) -> str:
    said = message.removeprefix("Value error, ")
    return _REASONS.get(kind) or said[:1].lower() + said[1:]


# ---- kinds of fields -----------------------------------------------------------------------


def _text_of(longest: int) -> BeforeValidator:
    def read(value: Any) -> str | None:
        if value is None:
            return None
        if not isinstance(value, str):
            raise ValueError("must be text")
        return _CONTROL.sub(" ", value).strip()[:longest] or None

    return BeforeValidator(read)


def _short(value: str | None) -> str | None:
    return value if value and len(value) <= _LONGEST_LINK else None


def _identifier(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("must be an id")
    if len(str(value)) > LONGEST_ID or _CONTROL.search(str(value)):
        raise ValueError(f"is no id: 1 to {LONGEST_ID} characters without control codes")
    return str(value)


def _number(value: str | None) -> str | None:
    if value is not None and not (value.isascii() and value.isdigit()):
        raise ValueError("must be a number")
    return value


def _must(value: Any) -> Any:
    if value is None or value == "":
        raise ValueError("is missing")
    return value


def _amount(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be an amount")
    if isinstance(value, float):  # a sender that computes in binary
        value = f"{value:.6f}".rstrip("0").rstrip(".") if math.isfinite(value) else ""
    if not _AMOUNT.fullmatch(str(value)):
        raise ValueError("must be an amount like 49.90")
    return str(value)


def _pieces(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST_PIECES:
        raise ValueError(f"must be a whole number, 0 to {_MOST_PIECES}")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool | None):
        raise ValueError("must be true or false")
    return bool(value)


def _blank_is_none(value: Any) -> Any:
    return None if value == "" else value


def _utc(value: Any) -> Any:
    return f"{value}Z" if isinstance(value, str) and value else value


def _none_is_empty(value: Any) -> Any:
    return {} if value is None else value


def _first_lines(value: Any) -> Any:
    if value is None:
        return []
    return value[:MOST_LINES] if isinstance(value, list) else value


def _or_none(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValidationError:
        return None


Text = Annotated[str | None, _text_of(LONGEST_TEXT)]
"""A text, cut where it is too long to be one."""
Email = Annotated[str | None, _text_of(_LONGEST_EMAIL)]
"""An e-mail address, whole; the reader of calls checks that it is one."""
Link = Annotated[str | None, AfterValidator(_short), _text_of(_LONGEST_LINK + 1)]
"""The address of a page or a picture; one that is too long is left out."""
Id = Annotated[str | None, BeforeValidator(_identifier)]
"""An id: shops write them as numbers and as texts."""
MustId = Annotated[str, BeforeValidator(_identifier), BeforeValidator(_must)]
"""An id that has to be there."""
Number = Annotated[str | None, AfterValidator(_number), BeforeValidator(_identifier)]
"""An id that is a number, as customers' are: no e-mail address can slip in as one."""
NeededId = Annotated[
    str | None, BeforeValidator(_identifier), BeforeValidator(_must), Field(validate_default=True)
]
"""An id that has to be there if the fields that it stands in for are missing."""
MustNumber = Annotated[
    str, AfterValidator(_number), BeforeValidator(_identifier), BeforeValidator(_must)
]
"""A number that has to be there."""
Amount = Annotated[str | None, BeforeValidator(_amount)]
"""An amount of money as it was written; no digit of a text is touched."""
Pieces = Annotated[int | None, BeforeValidator(_pieces)]
"""A number of pieces of a product, from 0."""
Flag = Annotated[bool, BeforeValidator(_flag)]
"""True or false; false if it is missing."""
Moment = Annotated[AnyMoment | None, BeforeValidator(_blank_is_none)]
"""An instant with its zone."""
UtcMoment = Annotated[AnyMoment | None, BeforeValidator(_blank_is_none), BeforeValidator(_utc)]
"""An instant in UTC, whose sender writes no zone."""
Inner = Annotated[
    T, BeforeValidator(_none_is_empty), Field(default_factory=dict, validate_default=True)
]
"""An object inside; an empty one if it is missing."""
Lines = Annotated[list[T], BeforeValidator(_first_lines), Field(default_factory=list)]
"""The first of a list of objects; an empty list if it is missing."""
Lenient = Annotated[T | None, WrapValidator(_or_none)]
"""A field that counts as missing if it cannot be read."""


def stands_in_for(*others: str) -> WrapValidator:
    """Make a field that is read only if all of these, declared before it, are missing.

    Args:
        others: fields of the same model, or of an object inside: ``customer.email``.
    """
    found = [attrgetter(other) for other in others]

    def read(value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        before = SimpleNamespace(**info.data)
        try:
            taken = any(one(before) is not None for one in found)
        except AttributeError:  # one of them does not validate, and is the fault that counts
            taken = True
        return None if taken else handler(value)

    return WrapValidator(read)


# ---- phone numbers -------------------------------------------------------------------------


def phone(number: str | None, country: str | None) -> str | None:
    """Return a phone number as E.164; None if it cannot be read as one.

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
