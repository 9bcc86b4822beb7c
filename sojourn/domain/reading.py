"""Reading one id or moment that a stranger sent, with pydantic's verdict in our words."""

from datetime import datetime
from typing import Final

from pydantic import TypeAdapter, ValidationError

from sojourn.domain.errors import BadEvent
from sojourn.domain.events import Identifier, Moment
from sojourn.domain.storable import LONGEST_NUMBER

_ABSURD: Final = 10**LONGEST_NUMBER
_IDENTIFIER: Final = TypeAdapter[str](Identifier)
_MOMENT: Final = TypeAdapter[datetime](Moment)


def read_identifier(path: str, value: object) -> str:
    """Read an id. A whole number becomes text, as the SDKs make it; 42.0 is 42, as JSON has it.

    Raises:
        BadEvent: it is not an id.
    """
    if isinstance(value, float) and value.is_integer() and abs(value) < _ABSURD:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    try:
        return _IDENTIFIER.validate_python(value)
    except ValidationError as error:
        raise BadEvent(path, reason_of(error)) from None


def read_moment(path: str, value: object) -> datetime:
    """Read an instant, and give it back in UTC.

    Raises:
        BadEvent: it is no ISO 8601 with a zone, or lies outside 1970 to 2199.
    """
    try:
        return _MOMENT.validate_python(value)
    except ValidationError as error:
        raise BadEvent(path, reason_of(error)) from None


def reason_of(error: ValidationError) -> str:
    """Return the first fault that pydantic found, as the second half of a sentence."""
    reason = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
    return reason[:1].lower() + reason[1:]
