"""Names in the source of a journey: fields, reasons, texts and numbers on which it may branch.

A run is given made-up values, and there are too many to try. Only those are tried that a person
would find by reading: a field that the source mentions, a text or number that it compares with.
"""

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from sojourn.journeys.journey import Journey


@dataclass(frozen=True)
class Named:
    """The names in a journey's source.

    Args:
        names: identifiers, and the attributes that are asked for.
        texts: those with which something is compared, or that are keys by which something is looked
            up, each with the names of what that is.
        numbers: those with which something is compared.
    """

    names: frozenset[str]
    texts: Mapping[str, frozenset[str]]
    numbers: tuple[float, ...]

    def texts_for(self, field: str) -> list[str]:
        """Return the texts that a field of an event may be compared with."""
        return [text for text, names in self.texts.items() if field in names]


def named_by(journey: type[Journey]) -> Named:
    """Read the source of a journey, and that of the project's files that it takes something from.

    Args:
        journey: the journey.

    Returns:
        What they name; nothing, for a class that was made without a file.
    """
    names: set[str] = set()
    texts: dict[str, frozenset[str]] = {}
    numbers: dict[float, None] = {}
    for module in _modules(journey):
        tree = ast.parse(inspect.getsource(module))
        for node in ast.walk(tree):
            match node:
                case ast.Attribute(attr=name) | ast.Name(id=name) | ast.keyword(arg=str(name)):
                    names.add(name)
                case ast.Constant(value=str(text)):
                    names.add(text)
        for value, beside in _compared(tree, vars(module)):
            if isinstance(value, str):
                texts[value] = texts.get(value, frozenset()) | beside
            else:
                numbers[value] = None
    return Named(names=frozenset(names), texts=texts, numbers=tuple(numbers))


def _modules(journey: type[Journey]) -> list[ModuleType]:
    """Return the modules of a journey's classes, and of what they import from its project."""
    own = [sys.modules[one.__module__] for one in journey.__mro__ if not _is_engine(one.__module__)]
    found = {one.__name__: one for one in own if getattr(one, "__file__", None)}
    folders = {Path(str(one.__file__)).parent.parent for one in found.values()}
    for module in list(found.values()):
        for value in vars(module).values():
            name = value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", "")
            other = sys.modules.get(name) if isinstance(name, str) else None
            if other is None or _is_engine(other.__name__) or not getattr(other, "__file__", None):
                continue
            file = Path(str(other.__file__))
            if "site-packages" not in file.parts and folders & set(file.parents):
                found[other.__name__] = other
    return list(found.values())


def _is_engine(module: str) -> bool:
    return module == "builtins" or module.partition(".")[0] == "sojourn"


def _compared(
    tree: ast.AST, values: Mapping[str, object]
) -> Iterator[tuple[str | float, frozenset[str]]]:
    """Yield the texts and numbers that something is compared with, and the names of that."""
    looked_up = frozenset(_keys(tree))
    for node in ast.walk(tree):
        parts = _sides(node)
        named = {part.attr for part in parts if isinstance(part, ast.Attribute)}
        named |= {part.id for part in parts if isinstance(part, ast.Name)}
        for part in parts:
            found = values.get(part.id) if isinstance(part, ast.Name) else None
            if isinstance(part, ast.Constant):
                found = part.value
            if isinstance(found, str | int | float) and not isinstance(found, bool):
                yield found, frozenset(named) | (looked_up if isinstance(node, ast.Dict) else set())


def _sides(node: ast.AST) -> list[ast.expr]:
    """Return what is compared with each other in a part of the source; the keys of a mapping."""
    parts: list[ast.expr] = []
    match node:
        case ast.Compare(left=left, comparators=others):
            parts = [left, *others]
        case ast.Match(subject=subject, cases=cases):
            inner = (one for case in cases for one in ast.walk(case.pattern))
            parts = [subject, *(one.value for one in inner if isinstance(one, ast.MatchValue))]
        case ast.Dict(keys=keys):
            parts = [key for key in keys if key is not None]
    several = [part.elts for part in parts if isinstance(part, ast.Tuple | ast.List | ast.Set)]
    return [*parts, *(one for some in several for one in some)]


def _keys(tree: ast.AST) -> Iterator[str]:
    """Yield the names of what is looked up in mappings: ``told[event.channel]``."""
    for node in ast.walk(tree):
        match node:
            case (
                ast.Subscript(slice=key) | ast.Call(func=ast.Attribute(attr="get"), args=[key, *_])
            ):
                names = (one for one in ast.walk(key))
                yield from (one.attr for one in names if isinstance(one, ast.Attribute))
                if isinstance(key, ast.Name):
                    yield key.id
