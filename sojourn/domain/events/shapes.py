"""Shapes: the properties of an event's field on which reading it leniently depends."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from functools import cache
from types import MappingProxyType
from typing import Any, get_args, get_origin

from pydantic import (
    AwareDatetime,
    BaseModel,
    FutureDate,
    FutureDatetime,
    NaiveDatetime,
    PastDate,
    PastDatetime,
)
from pydantic.fields import FieldInfo

from sojourn.domain.events.base import ENVELOPE
from sojourn.domain.events.fields import AmountPart, MoneyMark
from sojourn.domain.events.naming import Naming

_MOMENTS: tuple[Any, ...] = (
    AwareDatetime, NaiveDatetime, PastDatetime, FutureDatetime, PastDate, FutureDate,
)  # fmt: skip
_LISTS = (Sequence, AbstractSet)


@dataclass(frozen=True)
class Shape:
    """One field.

    Args:
        name: of the field.
        required: the model cannot be without it.
        is_money: an amount, or its currency.
        is_part_of_amount: without it, the amounts beside it would be wrong.
        is_moment: a moment or a day.
        is_list: holds many values.
        takes_bool: a yes or no is a value of it.
        model: the model of its value, or of each value in its list.
    """

    name: str
    required: bool
    is_money: bool
    is_part_of_amount: bool
    is_moment: bool
    is_list: bool
    takes_bool: bool
    model: type[BaseModel] | None


@cache
def shapes(model: type[BaseModel]) -> Mapping[str, Shape]:
    """Return the fields of a model by every name that pydantic gives them."""
    found: dict[str, Shape] = {}
    for name, field in model.model_fields.items():
        shape = _shape(name, field)
        for called in (name, field.alias, field.validation_alias):
            if isinstance(called, str):
                found[called] = shape
    return MappingProxyType(found)


@cache
def inner_models(model: type[BaseModel]) -> tuple[tuple[str, type[BaseModel]], ...]:
    """Return the names of a model's fields that are made of models, each with its model."""
    return tuple((name, one.model) for name, one in shapes(model).items() if one.model is not None)


@cache
def naming(model: type[BaseModel], synonyms: tuple[tuple[str, str], ...] = ()) -> Naming:
    """Return the names under which a model's fields are found.

    Args:
        model: an event, or the model of one of its fields.
        synonyms: those of the project, with the fields that they mean.
    """
    fields = set(model.model_fields) - set(ENVELOPE)
    given: dict[str, str] = {}
    for one in reversed(model.__mro__):
        given |= vars(one).get("also_called", {})
    given |= dict(synonyms)
    return Naming(
        fields, synonyms={name: field for name, field in given.items() if field in fields}
    )


def _shape(name: str, field: FieldInfo) -> Shape:
    parts = [*field.metadata, *parts_of(field.annotation)]
    kinds = [part for part in parts if isinstance(part, type)]
    return Shape(
        name=name,
        required=field.is_required(),
        is_money=any(isinstance(part, MoneyMark) for part in parts),
        is_part_of_amount=any(isinstance(part, AmountPart) for part in parts),
        is_moment=any(issubclass(kind, (date, *_MOMENTS)) for kind in kinds),
        is_list=any(issubclass(kind, _LISTS) for kind in kinds if kind is not str),
        takes_bool=Any in parts or any(kind in (bool, object) for kind in kinds),
        model=next((kind for kind in kinds if issubclass(kind, BaseModel)), None),
    )


def parts_of(annotation: Any) -> Iterator[Any]:
    """Yield everything that an annotation is made of: types, their arguments, their marks."""
    origin = get_origin(annotation)
    yield annotation if origin is None else origin
    for part in get_args(annotation):
        yield from parts_of(part)
    metadata = getattr(annotation, "__metadata__", ())
    yield from metadata
