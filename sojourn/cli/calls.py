"""Files of Segment calls, one JSON object a line, plain or gzipped."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sojourn.cli.records import opened
from sojourn.dispatch.calls import Read, read_call
from sojourn.domain.errors import BadEvent
from sojourn.domain.events import SHIPPED, Events
from sojourn.domain.strict_json import read_json


@dataclass(frozen=True)
class Fault:
    """A line that cannot be taken, and the reason."""

    line: int
    reason: str
    is_event: bool


Call = Read | Fault


def read_calls(path: Path, known: Events = SHIPPED) -> Iterator[tuple[int, Call]]:
    """Read every call in a file with the number of its line; ``-`` is standard input.

    A bad line is a `Fault`, not an error.

    Raises:
        BadInput: the file cannot be read.
    """
    with opened(path) as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, _call(number, line, known)


def _call(number: int, line: bytes, known: Events) -> Call:
    is_event = True  # a line that cannot be read was most likely an event, as most lines are
    try:
        call = read_json(line, path="line", unique=True, constants=True)
        if not isinstance(call, dict):
            raise BadEvent("line", "is no JSON object")
        is_event = call.get("type") == "track"
        return read_call(call, known)
    except BadEvent as error:
        return Fault(number, str(error), is_event)
