"""`Code`: values as Python writes them, and the names that must be imported for that."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from json import dumps
from typing import Any

from pydantic import BaseModel

_UNITS = (
    ("days", timedelta(days=1)),
    ("hours", timedelta(hours=1)),
    ("minutes", timedelta(minutes=1)),
)


class Code:
    """Writes values.

    Attributes:
        names: of `datetime` that the written values need.
    """

    def __init__(self) -> None:
        self.names: set[str] = set()

    def arguments(self, values: Mapping[str, Any]) -> str:
        """Write values as the arguments of a call."""
        return ", ".join(self.parts(values))

    def parts(self, values: Mapping[str, Any]) -> list[str]:
        """Write each of the values as one argument of a call."""
        return [f"{name}={self.of(value)}" for name, value in values.items()]

    def of(self, value: Any) -> str:
        """Write one value."""
        if isinstance(value, BaseModel):
            value = value.model_dump(exclude_unset=True)
        if isinstance(value, Enum):
            value = value.value
        if isinstance(value, Decimal):
            value = str(value)  # as a call has it: fields read amounts from text
        if isinstance(value, date | timedelta):
            return self._of_time(value)
        if isinstance(value, list | tuple):
            return f"[{', '.join(map(self.of, value))}]"
        if isinstance(value, dict):
            said = (f"{self.of(name)}: {self.of(one)}" for name, one in value.items())
            return f"{{{', '.join(said)}}}"
        return dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)

    def _of_time(self, value: date | timedelta) -> str:
        if isinstance(value, timedelta):
            self.names.add("timedelta")
            return _span(value)
        if isinstance(value, datetime):
            self.names |= {"UTC", "datetime"}
            at = value.astimezone(UTC)
            parts = [at.year, at.month, at.day, at.hour, at.minute, at.second, at.microsecond]
            while len(parts) > 4 and not parts[-1]:
                parts.pop()
            return f"datetime({', '.join(map(str, parts))}, tzinfo=UTC)"
        self.names.add("date")
        return f"date({value.year}, {value.month}, {value.day})"


def _span(span: timedelta) -> str:
    for unit, one in _UNITS:
        if span and not span % one:
            return f"timedelta({unit}={span // one})"
    days, rest = divmod(span, timedelta(days=1))
    parts = [f"days={days}"] if days else []
    for unit, one in _UNITS[1:]:
        number, rest = divmod(rest, one)
        parts += [f"{unit}={number}"] if number else []
    if rest:
        parts.append(f"seconds={rest.total_seconds():g}")
    return f"timedelta({', '.join(parts)})"
