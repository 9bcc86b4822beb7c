"""`Snapshot`: an installation at one moment, in a file of JSON lines for a process of its own."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Self

from pydantic import TypeAdapter

from sojourn.home import private_file
from sojourn.in_memory.course import Course
from sojourn.in_memory.loading import Kept

_CUSTOMER = TypeAdapter(Kept)
_RUN = TypeAdapter(Course)
_MOMENT = TypeAdapter(datetime)


@dataclass(frozen=True)
class Snapshot:
    """An installation at one moment.

    Args:
        now: the moment, by the journeys' clock.
        customers: those with open runs, and those who share an address with them.
        courses: the open runs.
    """

    now: datetime
    customers: Iterable[Kept]
    courses: Iterable[Course]

    @classmethod
    def of_file(cls, path: Path) -> Self:
        """Read the file that a `Writer` wrote."""
        customers, courses = [], []
        now = None
        with path.open("rb") as lines:
            for line in lines:
                kind, value = line[:1], line[1:]
                if kind == b"c":
                    customers.append(_CUSTOMER.validate_json(value))
                elif kind == b"r":
                    courses.append(_RUN.validate_json(value))
                else:
                    now = _MOMENT.validate_json(value)
        assert now is not None, "a writer has ended it"
        return cls(now, customers, courses)


class Writer:
    """Writes a snapshot, line by line: it may be larger than memory.

    Args:
        lines: the open file.
    """

    def __init__(self, lines: BinaryIO) -> None:
        self._lines = lines
        self.customers = 0
        self.courses = 0

    def customer(self, kept: Kept) -> None:
        """Write a customer."""
        self.customers += 1
        self._write(b"c", _CUSTOMER.dump_json(kept))

    def course(self, course: Course) -> None:
        """Write an open run."""
        self.courses += 1
        self._write(b"r", _RUN.dump_json(course))

    def end(self, now: datetime) -> None:
        """Write the moment."""
        self._write(b"n", _MOMENT.dump_json(now))

    def _write(self, kind: bytes, value: bytes) -> None:
        self._lines.write(b"%b%b\n" % (kind, value))


@contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """Open a snapshot to write; its owner alone can read the file."""
    private_file(path)
    with path.open("wb") as lines:
        yield Writer(lines)
