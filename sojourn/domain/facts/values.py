"""Values of facts: the kinds that can be compared, and how stored JSON is read as one of them.

Both evaluators read alike: `store.facts` says the same in SQL. So a text is a number, a day or a
moment only in the plain forms below, and a number only within the range of every database.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from operator import eq, ge, gt, le, lt, ne
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, StrictBool, StrictFloat, StrictStr

LARGEST = 10.0**15
"""Numbers from here on are not compared: databases would round them, each in its own way."""
SMALLEST = 10.0**-99
LONGEST_TEXT = 500
_LONG_MONTHS = "(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])"
_OTHER_MONTHS = "(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8])"
_LEAP_YEAR = "([12][0-9](0[48]|[2468][048]|[13579][26])|1200|1600|2000|2400|2800)"
DAY = f"([12][0-9]{{3}}-({_LONG_MONTHS}|{_OTHER_MONTHS})|{_LEAP_YEAR}-02-29)"
"""A day, as a regular expression that Python and PostgreSQL read alike."""
MONTH_AND_DAY = f"({_LONG_MONTHS}|{_OTHER_MONTHS}|02-29)"
"""A day without its year."""
MOMENT = (
    f"{DAY}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{{1,6}})?"
    "(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])"
)
"""A moment with its zone."""
NUMBER = "-?[0-9]{1,15}([.][0-9]{1,15})?"
"""A number that is written as text, as the store keeps amounts."""
_UNFIT = re.compile("[\0\ud800-\udfff]")


class Kind(StrEnum):
    """A kind of value."""

    TEXT = "text"
    NUMBER = "number"
    YES_NO = "yes or no"
    DAY = "day"
    MOMENT = "moment"


ORDERED = (Kind.NUMBER, Kind.DAY, Kind.MOMENT)
"""The kinds of which one value can be more than another."""


class _Missing(Enum):
    MISSING = "not known"


MISSING = _Missing.MISSING
"""Stands for a value that nobody has told."""

OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType(
    {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
)


class Value(BaseModel):
    """A value that an author compares with.

    Args:
        kind: its kind.
        value: a moment and a day as ISO 8601, a number as a float.
    """

    model_config = ConfigDict(frozen=True)

    kind: Kind
    value: StrictBool | StrictFloat | StrictStr

    def __str__(self) -> str:
        match self.value:
            case bool():
                return "yes" if self.value else "no"
            case float():
                return shown_number(self.value)
            case _ if self.kind is Kind.TEXT:
                return f'"{self.value}"'
        return str(self.value)

    @property
    def typed(self) -> bool | float | str | datetime:
        """The value as Python compares it."""
        return read_moment(self.value) if self.kind is Kind.MOMENT else self.value  # type: ignore[return-value]


def given(value: object) -> Value:
    """Return what an author has written as a value.

    Raises:
        TypeError: facts compare with no such value; the text says with which they do.
    """
    match value:
        case Enum():
            return given(value.value)
        case bool():
            return Value(kind=Kind.YES_NO, value=value)
        case int() | float() | Decimal():
            return Value(kind=Kind.NUMBER, value=_number(value))
        case str():
            if not value or len(value) > LONGEST_TEXT or _UNFIT.search(value):
                raise TypeError(f"compare with a text of 1 to {LONGEST_TEXT} characters")
            return Value(kind=Kind.TEXT, value=value)
        case datetime() if value.tzinfo is None:
            raise TypeError(f"{value} has no time zone: add tzinfo=UTC, or compare with a date")
        case datetime():
            utc = value.astimezone(UTC).isoformat().replace("+00:00", "Z")
            return Value(kind=Kind.MOMENT, value=utc)
        case date():
            return Value(kind=Kind.DAY, value=value.isoformat())
    raise TypeError(
        f"{value!r} is not a value that facts compare with: take a text, a number, True or False, "
        "a date, or a datetime with its zone"
    )


def _number(value: float | Decimal) -> float:
    number = float(value)
    if not math.isfinite(number) or abs(number) >= LARGEST:
        raise TypeError(f"{value} is too large a number to compare with")
    return number


def read(
    raw: object, kind: Kind, *, of_event: bool = False
) -> bool | float | str | datetime | None:
    """Read a stored JSON value as one of a kind.

    Args:
        raw: the value.
        kind: the kind that is meant.
        of_event: a field of an event, whose class says what it is: amounts are kept as text.

    Returns:
        The value; None if it is of another kind.
    """
    match kind:
        case Kind.YES_NO:
            return raw if isinstance(raw, bool) else None
        case Kind.NUMBER:
            return _read_number(raw, of_event=of_event)
        case Kind.TEXT:
            return raw if isinstance(raw, str) else None
        case Kind.DAY:
            return raw if isinstance(raw, str) and re.fullmatch(DAY, raw) else None
        case Kind.MOMENT:
            return read_moment(raw)


def _read_number(raw: object, *, of_event: bool) -> float | None:
    if isinstance(raw, str) and of_event and re.fullmatch(NUMBER, raw):
        return float(raw)
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    return float(raw) if raw == 0 or SMALLEST <= abs(raw) < LARGEST else None


def read_moment(raw: object) -> datetime | None:
    """Return a moment that is written as ISO 8601 with its zone; None for anything else."""
    if not isinstance(raw, str) or not re.fullmatch(MOMENT, raw):
        return None
    return datetime.fromisoformat(raw).astimezone(UTC)


def kind_of(raw: object) -> str:
    """Return what a stored JSON value is, in a word: ``text``, ``list``."""
    match raw:
        case bool():
            return Kind.YES_NO.value
        case int() | float():
            return Kind.NUMBER.value
        case str():
            if re.fullmatch(DAY, raw):
                return Kind.DAY.value
            return Kind.MOMENT.value if re.fullmatch(MOMENT, raw) else Kind.TEXT.value
        case list():
            return "list"
    return "group of values"


def shown(raw: object) -> str:
    """Return a stored JSON value as a reader sees it, in at most some 60 characters."""
    match raw:
        case bool():
            return "yes" if raw else "no"
        case int() | float():
            return shown_number(raw)
        case str():
            return f'"{raw}"' if len(raw) <= 60 else f'"{raw[:57]}..."'
        case list():
            return f"a list of {len(raw)}"
    return "a group of values"


def shown_number(number: float) -> str:
    """Return a number without a needless ``.0``."""
    return str(int(number)) if abs(number) < LARGEST and number == int(number) else str(number)
