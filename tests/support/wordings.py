"""All texts of a table of words, each with its place."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any


def texts(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield all texts of a table, each with its place."""
    if isinstance(value, str):
        yield path, value
    elif is_dataclass(value):
        for field in fields(value):
            yield from texts(getattr(value, field.name), (*path, field.name))
    else:
        for key, each in value.items():
            yield from texts(each, (*path, str(key)))
