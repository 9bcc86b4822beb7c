"""Fields of events as operators type them."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from sojourn.domain.errors import BadInput, UnknownName
from sojourn.domain.events import ENVELOPE, Event, Moment
from sojourn.domain.strict_json import no_constant

_MOMENT = TypeAdapter(Moment)
_JSON_BEGINS = ("{", "[", '"')


def fields_of(event: type[Event]) -> dict[str, bool]:
    """Return the event's own fields, and whether each must be given."""
    fields = event.model_fields.items()
    return {name: field.is_required() for name, field in fields if name not in ENVELOPE}


def read_fields(
    pairs: Sequence[str], event: type[Event] | None, *, any_name: bool = False
) -> dict[str, Any]:
    """Read ``field=value`` arguments as typed on a command line.

    Args:
        pairs: the arguments, as typed.
        event: the event with the fields; None for an event that no class describes.
        any_name: also take names that are not fields of the event.

    Returns:
        The values by the names of their fields.

    Raises:
        BadInput: an argument has no ``=``, or a field comes twice.
        UnknownName: the event has no such field.
    """
    fields: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise BadInput(f'"{pair}" is not a field: write field=value')
        if name in fields:
            raise BadInput(f"the field {name} is given twice")
        own = event is not None and name in fields_of(event)
        if event is not None and not own and not any_name:
            raise UnknownName(f'field of "{event.event_name}" called', name, fields_of(event))
        fields[name] = value_of(text, typed=own)
    return fields


def value_of(text: str, *, typed: bool) -> Any:
    """Read a value as typed on a command line or in a cell.

    A typed field converts the text itself, so an id like 007 or 1e5 stays as it is: only objects,
    lists and quoted text are read as JSON. For a field without a type, JSON is read as JSON.
    """
    if typed and not text.startswith(_JSON_BEGINS):
        return text
    try:
        return json.loads(text, parse_constant=no_constant)
    except (ValueError, RecursionError):
        return text  # it was not meant as JSON


def read_moment(text: str | None, option: str = "--at") -> datetime:
    """Read a past moment; return the present if there is none.

    Args:
        text: the moment as typed.
        option: the option with the moment, for errors.

    Raises:
        BadInput: the text is not a moment, or the moment lies ahead.
    """
    now = datetime.now(UTC)
    if text is None:
        return now
    try:
        moment = _MOMENT.validate_python(text)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise BadInput(f'{option} "{text}": {reason[:1].lower() + reason[1:]}') from None
    if moment > now:
        raise BadInput(f'{option} "{text}" lies ahead: name a moment that has been')
    return moment


def check_rate(rate: float | None) -> None:
    """Check that a rate is above 0.

    Raises:
        BadInput: the rate is 0 or less.
    """
    if rate is not None and not rate > 0:
        raise BadInput(f"--rate {rate:g}: must be above 0, in events a second")
