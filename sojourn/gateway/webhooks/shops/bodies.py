"""Bodies of shops' webhooks as pydantic models: their field types, and faults in our words.

Only faults in fields that a model names as needed make a body refused: ids, and words of consent.
Any other field that does not fit is left out and logged: no order may be lost to a field that
nobody needs. A field that is marked by `stands_in_for` is read only if the others are missing; a
`Lenient` one that cannot be read silently counts as missing.
"""

import logging
import math
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from operator import attrgetter
from types import SimpleNamespace
from typing import Annotated, Any, ClassVar, TypeVar

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
from sojourn.domain.keys import plain
from sojourn.domain.phones import NotAPhone, read_phone

MOST_LINES = 100
"""The most lines of a cart or an order that are read."""
LONGEST_TEXT = 200
"""The most characters of a product's name and the like; the rest is cut off."""
_LONGEST_EMAIL = 500
_LONGEST_LINK = 1000
_MOST_PIECES = 1_000_000
_AMOUNT = re.compile(r"-?\d{1,12}(\.\d{1,30})?", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")

T = TypeVar("T")


class Body(BaseModel):
    """A body, or an object inside one. Unnamed fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    needed: ClassVar[tuple[str, ...]] = ()
    """Fields that make the body refused if they do not validate: ``id``, ``customer.id``."""


Model = TypeVar("Model", bound=Body)
Place = tuple[str | int, ...]
"""The path of a value in a body: ``("line_items", 0, "price")``."""
log = logging.getLogger("sojourn.gateway")


class Noted(dict[str, Any]):
    """A body that remembers the parts that were left out of it.

    Attributes:
        notes: the reason for each part, by its path.
    """

    def __init__(self, body: Mapping[str, Any]) -> None:
        super().__init__(body)
        self.notes: dict[str, str] = {}


def read_body(model: type[Model], body: Any) -> Model:
    """Read a body by its model, without values that do not fit and are not needed.

    A line without any id of its product is left out whole. A `Noted` body remembers the parts that
    were left out.

    Raises:
        BadEvent: a field that is needed does not validate; the path names it.
    """
    notes = body.notes if isinstance(body, Noted) else {}
    while True:
        try:
            return model.model_validate(body)
        except ValidationError as error:
            faults = error.errors(include_url=False)
        places = []
        for fault in faults:
            path, reason = _path(fault["loc"]), _reason(fault["type"], fault["msg"])
            place = _spare(model, body, fault["loc"])
            if place is None:
                raise BadEvent(path or "body", reason)
            log.warning("%s.%s of a shop's body is left out: %s", model.__name__, path, reason)
            notes[path] = f"left out: {reason}"
            places.append(place)
        body = _without(body, places)


def _path(place: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in place)


def _spare(model: type[Body], body: Any, place: Place) -> Place | None:
    """Return the place to leave out so that a fault goes away; None if the body is at fault."""
    if _path(place) in model.needed:
        return None
    while place:
        if _has(body, place):
            return None if _path(place) in model.needed else place
        place = place[:-1]  # a missing field: leave out the line that lacks it
    return None


def _has(body: Any, place: Place) -> bool:
    for part in place:
        match body:
            case list() if isinstance(part, int):
                body = body[part]
            case dict() if part in body:
                body = body[part]
            case _:
                return False
    return True


def _without(body: Any, places: Sequence[Place]) -> Any:
    """Return the body without the values at these places."""
    inner: dict[str | int, list[Place]] = {}
    for head, *rest in places:
        inner.setdefault(head, []).append(tuple(rest))
    gone = {head for head, rests in inner.items() if () in rests}

    def left(key: str | int, value: Any) -> Any:
        return _without(value, inner[key]) if key in inner else value

    if isinstance(body, list):
        return [left(n, value) for n, value in enumerate(body) if n not in gone]
    return {name: left(name, value) for name, value in body.items() if name not in gone}


_REASONS = {
    "missing": "is missing",
    "model_type": "must be an object",
    "list_type": "must be a list",
}


def _reason(kind: str, message: str) -> str:
    said = message.removeprefix("Value error, ")
    return _REASONS.get(kind) or said[:1].lower() + said[1:]


def read_noted(read: Callable[[Any], T], body: Any, notes: list[tuple[str, str]]) -> T:
    """Read a body, and note the parts that were left out of it.

    Args:
        read: turns the body into calls.
        body: its JSON.
        notes: gets the path and the reason of each part that was left out.

    Returns:
        The calls.
    """
    if not isinstance(body, dict):
        return read(body)
    noted = Noted(body)
    calls = read(noted)
    notes += noted.notes.items()
    return calls


# ---- kinds of fields -----------------------------------------------------------------------


def _text_of(longest: int) -> BeforeValidator:
    def read(value: Any) -> str | None:
        if value is None or value is False:  # PHP's way to say that there is none
            return None
        if not isinstance(value, str):
            raise ValueError("must be text")
        return _CONTROL.sub(" ", value).strip()[:longest] or None

    return BeforeValidator(read)


def _short(value: str | None) -> str | None:
    return value if value and len(value) <= _LONGEST_LINK else None


def _identifier(value: Any) -> str | None:
    if value is None or value is False or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be an id")
    text = plain(value)  # cuts the key off a cart's token, and gid:// off an id
    if not 1 <= len(text) <= LONGEST_ID or _CONTROL.search(text):
        raise ValueError(f"is not an id: 1 to {LONGEST_ID} characters without control codes")
    return text


def _number(value: str | None) -> str | None:
    if value is not None and not (value.isascii() and value.isdigit()):
        raise ValueError("must be a number")
    return value


def _must(value: Any) -> Any:
    if value is None or value == "":
        raise ValueError("is missing")
    return value


def _amount(value: Any) -> str | None:
    if value is None or value is False or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be an amount")
    if isinstance(value, float):  # a sender that computes in binary
        value = f"{value:.6f}".rstrip("0").rstrip(".") if math.isfinite(value) else ""
    if not _AMOUNT.fullmatch(str(value)):
        raise ValueError("must be an amount like 49.90")
    return str(value)


def _pieces(value: Any) -> Decimal | None:
    if value is None or value is False or value == "":
        return None
    found = Decimal(_amount(value) or 0)
    if not 0 <= found <= _MOST_PIECES:
        raise ValueError(f"must be a number, 0 to {_MOST_PIECES}")
    return found


def _flag(value: Any) -> bool:
    if not isinstance(value, bool | None):
        raise ValueError("must be true or false")
    return bool(value)


def _blank_is_none(value: Any) -> Any:
    return None if value == "" else value


def _utc(value: Any) -> Any:
    return f"{value}Z" if isinstance(value, str) and value else value


def _none_is_empty(value: Any) -> Any:
    # PHP and Ruby write an empty list where they have no object yet
    return {} if value is None or value is False or value in ("", []) else value


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
"""A short text; a longer one is cut."""
Email = Annotated[str | None, _text_of(_LONGEST_EMAIL)]
"""An e-mail address, uncut; the reader of calls checks it."""
Link = Annotated[str | None, AfterValidator(_short), _text_of(_LONGEST_LINK + 1)]
"""The address of a page or a picture; one that is too long is left out."""
Id = Annotated[str | None, BeforeValidator(_identifier)]
"""An id: shops write numbers or texts. It is read as `domain.keys.plain` reads keys."""
MustId = Annotated[str, BeforeValidator(_identifier), BeforeValidator(_must)]
"""An id that is required."""
Number = Annotated[str | None, AfterValidator(_number), BeforeValidator(_identifier)]
"""An id that is a number, as customers' are: no e-mail address can slip in as one."""
NeededId = Annotated[
    str | None, BeforeValidator(_identifier), BeforeValidator(_must), Field(validate_default=True)
]
"""An id that is required if the fields that it stands in for are missing."""
MustNumber = Annotated[
    str, AfterValidator(_number), BeforeValidator(_identifier), BeforeValidator(_must)
]
"""A number that is required."""
Amount = Annotated[str | None, BeforeValidator(_amount)]
"""An amount of money as it was written; no digit of a text is touched."""
Pieces = Annotated[Decimal | None, BeforeValidator(_pieces)]
"""A number of pieces of a product, from 0; goods sold by weight or length come in fractions."""
Flag = Annotated[bool, BeforeValidator(_flag)]
"""True or false; false if it is missing."""
Moment = Annotated[AnyMoment | None, BeforeValidator(_blank_is_none)]
"""An instant with its zone."""
UtcMoment = Annotated[AnyMoment | None, BeforeValidator(_blank_is_none), BeforeValidator(_utc)]
"""An instant in UTC, written without a zone."""
Inner = Annotated[
    T, BeforeValidator(_none_is_empty), Field(default_factory=dict, validate_default=True)
]
"""An object inside; an empty one if it is missing."""
Lines = Annotated[list[T], BeforeValidator(_first_lines), Field(default_factory=list)]
"""The first `MOST_LINES` of a list of objects; an empty list if it is missing."""
Lenient = Annotated[T | None, WrapValidator(_or_none)]
"""A field that counts as missing if it cannot be read."""


def stands_in_for(*others: str) -> WrapValidator:
    """Build a marker: read the field only if all of these, declared before it, are missing.

    Args:
        others: fields of the same model, or of an object inside: ``customer.email``.
    """
    found = [attrgetter(other) for other in others]

    def read(value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        before = SimpleNamespace(**info.data)
        try:
            taken = any(one(before) is not None for one in found)
        except AttributeError:  # one of them does not validate, and that fault counts
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
        return read_phone(number, (country or "").upper())
    except NotAPhone:
        return None
