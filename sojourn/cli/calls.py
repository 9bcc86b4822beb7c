"""Files of Segment calls, one JSON object per line, plain or gzipped."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sojourn.cli.records import opened
from sojourn.dispatch.calls import Read, read_call
from sojourn.domain.errors import BadEvent
from sojourn.domain.events import SHIPPED, Events
from sojourn.domain.ordering import CLOCK_SKEW
from sojourn.domain.strict_json import read_json


@dataclass(frozen=True)
class Fault:
    """A line that cannot be taken, and the reason."""

    line: int
    reason: str
    is_event: bool


Call = Read | Fault


def read_calls(
    path: Path, known: Events = SHIPPED, *, within: timedelta = CLOCK_SKEW
) -> Iterator[tuple[int, Call]]:
    """Read every call in a file with the number of its line; ``-`` is standard input.

    A bad line is a `Fault`, not an error.

    Args:
        path: the file.
        known: the project's events.
        within: how far senders' clocks may differ.

    Yields:
        Each call.

    Raises:
        BadInput: the file cannot be read.
    """
    with opened(path) as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, _call(number, line, known, within)


def _call(number: int, line: bytes, known: Events, within: timedelta) -> Call:
    is_event = True  # an unreadable line was most likely an event, as most lines are
    try:
        call = read_json(line, path="line", unique=True, constants=True)
        if not isinstance(call, dict):
            raise BadEvent("line", "is not a JSON object")
        is_event = call.get("type") == "track"
        return read_call(call, known, within=within)
    except BadEvent as error:
        return Fault(number, str(error), is_event)
