"""`Shape`: what travels through Temporal, and what is made by the thousand in memory."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

_set = object.__setattr__  # a shape is frozen once it is made


class Shape(BaseModel):
    """A shape that travels through Temporal: small, frozen."""

    model_config = ConfigDict(frozen=True)

    @classmethod
    def made(cls, **values: Any) -> Self:
        """Make a shape of values that the engine has, each of its field's type, unvalidated.

        What comes from outside is read by the class itself. All that are made share the set of
        their fields' names, where a validated one has a set of its own, larger than its values.

        Args:
            values: of all fields that have no default.

        Returns:
            The shape.

        Raises:
            TypeError: a field is missing, or there is no such field.
        """
        usual, names, needed = _usual(cls)
        fields = {**usual, **values}
        if len(fields) > len(usual) or not needed.issubset(values):
            odd = ", ".join(sorted((fields.keys() - names) | (needed - values.keys())))
            raise TypeError(f"{cls.__name__} has other fields than those given: {odd}")
        shape = cls.__new__(cls)
        _set(shape, "__dict__", fields)
        _set(shape, "__pydantic_fields_set__", names)
        _set(shape, "__pydantic_extra__", None)
        _set(shape, "__pydantic_private__", None)
        return shape

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy, as pydantic makes it: what is updated is not validated.

        pydantic also looks for what no shape has, private and extra values. Every message of a run
        is such a copy, and every event that starts one. It names all fields, as what is `made`.

        Args:
            update: the fields that differ.
            deep: nothing in it is shared with the original.

        Returns:
            The copy.
        """
        if deep:
            return super().model_copy(update=update, deep=True)
        told = {} if update is None else update
        _, named, _ = _usual(self.__class__)
        made = self.__class__.__new__(self.__class__)
        _set(made, "__dict__", {**self.__dict__, **told})
        _set(made, "__pydantic_fields_set__", named)
        _set(made, "__pydantic_extra__", None)
        _set(made, "__pydantic_private__", None)
        return made


@cache
def _usual(shape: type[Shape]) -> tuple[Mapping[str, Any], set[str], frozenset[str]]:
    """Return a shape's defaults by its fields, in their order; all their names; those needed."""
    fields = shape.model_fields
    needed = frozenset([name for name, one in fields.items() if one.is_required()])
    usual = {
        name: None if name in needed else one.get_default(call_default_factory=True)
        for name, one in fields.items()
    }
    return usual, set(fields), needed
