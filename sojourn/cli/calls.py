"""Recorded calls of Segment's tracking API: one JSON object a line, plain or gzipped."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from sojourn.cli.feeding import opened
from sojourn.dispatch.calls import Read, read_call
from sojourn.domain.errors import BadEvent
from sojourn.domain.events import SHIPPED, Events


@dataclass(frozen=True)
class Fault:
    """A line that cannot be taken, and why."""

    line: int
    reason: str
    is_event: bool


Call = Read | Fault


def read_calls(path: Path, known: Events = SHIPPED) -> Iterator[Call]:
    """Every call in a file; ``-`` is standard input. A bad line is a `Fault`, not an error.

    Raises:
        BadInput: the file cannot be read.
    """
    for _, call in numbered_calls(path, known):
        yield call


def numbered_calls(path: Path, known: Events = SHIPPED) -> Iterator[tuple[int, Call]]:
    """Every call in a file with the number of its line, as `read_calls`."""
    with opened(path) as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, _call(number, line, known)


def _call(number: int, line: bytes, known: Events) -> Call:
    is_event = True  # what cannot be told apart is taken for what it most likely was
    try:
        try:
            call = json.loads(line, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise BadEvent("line", f"is no JSON: {error}") from None
        if not isinstance(call, dict):
            raise BadEvent("line", "is no JSON object")
        is_event = call.get("type") == "track"
        return read_call(call, known)
    except BadEvent as error:
        return Fault(number, str(error), is_event)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
