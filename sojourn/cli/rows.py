"""Files of rows that commands write: exports, and the refused rows of an import.

They contain addresses, so only their owner can read them.
"""

import csv
import io
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from sojourn.cli.records import STDIN, BadLine
from sojourn.domain.errors import BadInput, Unavailable

JSON_LINES = (".jsonl", ".ndjson")
_PRIVATE = 0o600
_OURS = "line,reason"


class RowWriter:
    """Writes rows, as CSV with a header or as JSON lines.

    Args:
        file: the file, open for writing.
        columns: the columns of every row, in order.
        as_json: write JSON lines, without missing values.
    """

    def __init__(self, file: TextIO, columns: Sequence[str], *, as_json: bool) -> None:
        self._file = file
        self._columns = columns
        self._as_json = as_json
        if not as_json:
            self._csv = csv.writer(file, lineterminator="\n")
            self._csv.writerow(columns)

    def write(self, row: Mapping[str, Any]) -> None:
        """Write one row; None is an empty cell."""
        values = [_plain(row.get(column)) for column in self._columns]
        if self._as_json:
            said = {n: v for n, v in zip(self._columns, values, strict=True) if v is not None}
            self._file.write(json.dumps(said, ensure_ascii=False) + "\n")
        else:
            self._csv.writerow("" if value is None else _cell(value) for value in values)


@contextmanager
def written(path: Path, columns: Sequence[str], *, as_json: bool = False) -> Iterator[RowWriter]:
    """Write rows to a new file, whole or not at all; ``-`` is standard output.

    Args:
        path: the path of a new file. A name like ``.jsonl`` means JSON lines.
        columns: the columns of every row.
        as_json: write JSON lines for any name.

    Yields:
        The writer of the rows.

    Raises:
        BadInput: the file exists already.
        Unavailable: it cannot be written.
    """
    as_json = as_json or path.suffix.lower() in JSON_LINES
    if path == STDIN:
        yield RowWriter(sys.stdout, columns, as_json=as_json)
        sys.stdout.flush()
        return
    if path.exists():
        raise BadInput(f"{path} is there already, and nothing is written over: name another file")
    part = path.with_name(f".{path.name}.part")
    try:
        file = _private(part)
    except OSError as error:
        raise Unavailable(f"cannot write {path}: {error.strerror}") from None
    try:
        with file:
            yield RowWriter(file, columns, as_json=as_json)
        part.rename(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


class Refused:
    """The refused rows of an import, to be corrected and imported again.

    Args:
        path: the path of the file to write; a file that an earlier import wrote is replaced.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.lines: list[BadLine] = []
        self._rows: list[tuple[BadLine, Mapping[str, Any]]] = []

    def add(self, line: int, reason: str, row: Mapping[str, Any] | None = None) -> None:
        """Refuse a row.

        Args:
            line: the number of the line in the file.
            reason: the reason, as the second half of a sentence.
            row: the row as in the file; None if it could not be read.
        """
        bad = BadLine(line=line, reason=reason)
        self.lines.append(bad)
        self._rows.append((bad, row or {}))

    def write(self) -> Path | None:
        """Write the refused rows, if any, in the order of their lines; return the path.

        Raises:
            BadInput: another file is in its place.
            Unavailable: it cannot be written.
        """
        if self.path is None:
            return None
        if self.path.exists():
            if not _is_ours(self.path):
                raise BadInput(f"{self.path} is in the way: name another file by --refused")
            self.path.unlink()
        if not self._rows:
            return None
        own = ("line", "reason")
        names = dict.fromkeys(name for _, row in self._rows for name in row if name not in own)
        with written(self.path, (*own, *names)) as rows:
            for bad, row in sorted(self._rows, key=lambda refused: refused[0].line):
                rows.write({**row, "line": bad.line, "reason": bad.reason})
        return self.path


def refused_path(file: Path, given: Path | None) -> Path | None:
    """Return the path for the refused rows of a file; None for standard input without a name."""
    if given is not None or file == STDIN:
        return given
    return file.with_name(f"{file.name.partition('.')[0]}.refused.csv")


def _is_ours(path: Path) -> bool:
    try:
        with path.open() as file:
            return file.readline().startswith((_OURS, '{"line"'))
    except (OSError, UnicodeDecodeError):
        return False


def _private(path: Path) -> TextIO:
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
    return io.TextIOWrapper(io.FileIO(number, "w"), encoding="utf-8", newline="")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
