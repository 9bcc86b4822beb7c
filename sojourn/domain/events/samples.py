"""Made-up fields of events, for tests and for the demo."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from sojourn.domain.errors import BadInput
from sojourn.domain.events.base import ENVELOPE, Event
from sojourn.domain.events.fields import SecretMark

AHEAD = timedelta(days=30)


def made_up_ids(event: type[Event]) -> dict[str, str]:
    """Return ids for the required fields of an event that a test does not care about."""
    return {
        name: f"{name}-1"
        for name, field in event.model_fields.items()
        if field.annotation is str and (field.is_required() or name.endswith("_id"))
        if name != "message_id"
    }


def made_up_fields(model: type[BaseModel], *, also: str = "", now: datetime) -> dict[str, Any]:
    """Make up a value for each field that must be given.

    Args:
        model: an event, or the model of one of its fields.
        also: the name of a field that is made up although it may be left out: a journey's key.
        now: moments are made up 30 days ahead of it.

    Returns:
        The values by the names of their fields; of an event, without those of its envelope.

    Raises:
        BadInput: no value that we can think of fits a field; the message names it.
    """
    return {
        name: _value(model, name, now)
        for name, field in model.model_fields.items()
        if (field.is_required() or name == also or is_secret(field)) and name not in ENVELOPE
    }


def is_secret(field: FieldInfo) -> bool:
    """Tell whether a field may be left out by its type alone: an event without it is refused."""
    return any(isinstance(mark, SecretMark) for mark in field.metadata)


def made_up(kind: Any, *, now: datetime) -> Any:
    """Make up a value of a type: a model's with a value for each field that must be given.

    Args:
        kind: a model, an enum, or a plain type; of several, the first that we can think of.
        now: moments are made up 30 days ahead of it.

    Raises:
        BadInput: no value that we can think of fits.
    """
    fits = _fits(kind)
    for value in _ideas("value", kind, now):
        try:
            return fits.validate_python(value)
        except ValidationError:
            continue
    raise BadInput(f"nothing that we can make up is a {getattr(kind, '__name__', kind)}")


def fitting(name: str, field: FieldInfo, *, now: datetime) -> Iterator[Any]:
    """Return the values that we can think of and that fit a field, the likeliest ones first.

    Args:
        name: the field's.
        field: of a model.
        now: moments are made up 30 days ahead of it.

    Returns:
        The values.
    """
    return _that_fit(TypeAdapter(field.rebuild_annotation()), name, field, now)


def _that_fit(fits: TypeAdapter[Any], name: str, field: FieldInfo, now: datetime) -> Iterator[Any]:
    for value in _ideas(name, field.annotation, now):
        try:
            fits.validate_python(value)
        except ValidationError:
            continue
        yield value


@lru_cache(maxsize=256)
def _fits(kind: Any) -> TypeAdapter[Any]:
    """Return the reader of a type: to make one takes longer than to use it."""
    return TypeAdapter(kind)


@lru_cache(maxsize=256)
def _fits_of(model: type[BaseModel]) -> Mapping[str, TypeAdapter[Any]]:
    return {n: TypeAdapter(field.rebuild_annotation()) for n, field in model.model_fields.items()}


def _value(model: type[BaseModel], name: str, now: datetime) -> Any:
    for value in _that_fit(_fits_of(model)[name], name, model.model_fields[name], now):
        return value
    raise BadInput(f'nothing that we can make up fits the field "{name}"')


def _ideas(name: str, annotation: Any, now: datetime) -> Iterator[Any]:
    """Yield values that may fit, the likeliest ones first."""
    for part in (annotation, *get_args(annotation)):
        if get_origin(part) is Literal:
            yield from get_args(part)
        elif isinstance(part, type) and issubclass(part, Enum):
            yield from part
        elif isinstance(part, type) and issubclass(part, BaseModel):
            yield made_up_fields(part, now=now)
    yield from (f"{name}-1", 1, "EUR", "en", "ada@shop.example", "https://shop.example")
    yield from (now + AHEAD, (now + AHEAD).date(), [], {})
