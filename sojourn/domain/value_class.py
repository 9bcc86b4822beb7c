"""`value_class`: a dataclass that nobody changes, for objects that are made at every step."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value_class(cls: type[T]) -> type[T]:
    """Make a class a dataclass whose objects are equal and have one hash if their fields do.

    mypy refuses to change an object of it, as it does for ``dataclass(frozen=True)``. That one also
    looks at run time, and so takes three times as long to make an object. Hardly any class minds;
    those of which a verdict or a routed event needs dozens do.

    Args:
        cls: the class.

    Returns:
        The dataclass. It has slots, unless a `cached_property` has to keep its answer.
    """
    keeps = any(isinstance(one, cached_property) for one in vars(cls).values())
    return dataclass(slots=not keeps, unsafe_hash=True)(cls)
