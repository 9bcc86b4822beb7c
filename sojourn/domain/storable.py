"""JSON that every database and every history can store: no NUL, no lone surrogate, no depth."""

import json
import math
import re
from typing import Any

from sojourn.domain.errors import BadEvent
from sojourn.domain.notes import Note, left_out

DEEPEST = 32
"""Levels of nesting in a call; the specification's own examples have four."""
LONGEST_NUMBER = 100
"""Digits of a number before its point."""
_ABSURD = 10**LONGEST_NUMBER
_UNFIT = re.compile("[\0\ud800-\udfff]")
_LONGEST_PATH = 200


class Unstorable(BadEvent):
    """A call that cannot be stored, and so cannot be kept in quarantine either."""


def check_storable(call: dict[str, Any]) -> None:
    """Check that every value in a call can be stored, at any depth.

    Raises:
        Unstorable: a value cannot; the path leads to it.
    """
    _check(call, (), DEEPEST)


def storable_part(value: Any, path: str) -> tuple[Any, list[Note]]:
    """Return a value without the parts that cannot be stored, at any depth, and notes on them.

    Args:
        value: of a call; it is not changed.
        path: names it in the notes.
    """
    try:
        _check(value, (path,), DEEPEST - 1)
    except Unstorable:
        notes: list[Note] = []
        return _without(value, (path,), DEEPEST - 1, notes), notes
    return value, []


def json_size(value: Any) -> int:
    """Return the size of a value as compact JSON, in bytes."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode(errors="surrogatepass"))


def storable_copy(value: Any, levels: int = DEEPEST) -> Any:
    """Return a copy of any JSON that can be stored: what cannot be is written as text."""
    match value:
        case str():
            return storable_text(value)
        case dict() if levels:
            return {
                storable_text(str(name)): storable_copy(inner, levels - 1)
                for name, inner in value.items()
            }
        case list() | tuple() if levels:
            return [storable_copy(inner, levels - 1) for inner in value]
        case dict() | list() | tuple():
            return f"nested deeper than {DEEPEST} levels"
        case None | bool():
            return value
    return _storable_number(value)


def _storable_number(value: Any) -> Any:
    match value:
        case int() if not -_ABSURD < value < _ABSURD:
            return f"a number of more than {LONGEST_NUMBER} digits"
        case int():
            return value
        case float() if math.isfinite(value):
            return value
    return storable_text(str(value))


def storable_text(text: str) -> str:
    r"""Return a text with NUL and lone surrogates written as escapes: ``\0``, ``\ud800``."""
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\0")


def _without(value: Any, path: tuple[str, ...], levels: int, notes: list[Note]) -> Any:
    """Return a value without its parts that cannot be stored; None if it is one itself."""
    try:
        match value:
            case dict() if levels:
                return {
                    name: _without(inner, (*path, name), levels - 1, notes)
                    for name, inner in value.items()
                    if _is_fit(name, path, notes)
                }
            case list() if levels:
                return [
                    _without(inner, (*path, str(number)), levels - 1, notes)
                    for number, inner in enumerate(value)
                ]
        _check(value, path, levels)
    except Unstorable as error:
        notes.append(left_out(error.path, error.reason))
        return None
    return value


def _is_fit(name: str, path: tuple[str, ...], notes: list[Note]) -> bool:
    try:
        _check_text(name, path)
    except Unstorable as error:
        notes.append(left_out(error.path, f"a name in it {error.reason}"))
        return False
    return True


def _check(value: Any, path: tuple[str, ...], levels: int) -> None:
    match value:
        case str():
            _check_text(value, path)
        case dict() | list() if not levels:
            raise Unstorable(_written(path), f"is nested deeper than {DEEPEST} levels")
        case dict():
            for name, inner in value.items():
                _check_text(name, path)
                _check(inner, (*path, name), levels - 1)
        case list():
            for number, inner in enumerate(value):
                _check(inner, (*path, str(number)), levels - 1)
        case float() if not math.isfinite(value):  # 1e999 is JSON, and no finite number
            raise Unstorable(_written(path), "is not a finite number")
        case int() | float() if not -_ABSURD < value < _ABSURD:  # JSON has one kind of number
            raise Unstorable(_written(path), f"is a number of more than {LONGEST_NUMBER} digits")


def _check_text(text: str, path: tuple[str, ...]) -> None:
    # PostgreSQL stores a NUL in JSON, and fails when it is asked for any field beside it
    if not text.isascii() or "\0" in text:
        found = _UNFIT.search(text)
        if found:
            fault = "has a NUL character" if found[0] == "\0" else "is not valid Unicode"
            raise Unstorable(_written(path), fault)


def _written(path: tuple[str, ...]) -> str:
    return ".".join(path)[:_LONGEST_PATH] or "call"
