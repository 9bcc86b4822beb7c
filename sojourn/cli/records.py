"""Files of records that operators provide: CSV with a header, or JSON lines."""

import csv
import gzip
import io
import json
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import BaseModel

from sojourn.cli.fields import value_of
from sojourn.domain.errors import BadInput
from sojourn.domain.strict_json import no_constant

STDIN = Path("-")


class BadLine(BaseModel):
    """A line of a file that cannot be taken, and the reason."""

    line: int
    reason: str


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading, plain or gzipped; ``-`` is standard input.

    Raises:
        BadInput: the file cannot be opened, or breaks off while it is read.
    """
    try:
        if path == STDIN:
            # a separate buffer: a thread that waits in that of sys.stdin blocks the interpreter
            file: BinaryIO = io.BufferedReader(io.FileIO(sys.stdin.fileno(), closefd=False))
        else:
            file = path.open("rb")
        with file:
            zipped = file.peek(2)[:2] == b"\x1f\x8b"  # type: ignore[attr-defined]
            yield gzip.GzipFile(fileobj=file) if zipped else file  # type: ignore[misc]
    except (OSError, EOFError, zlib.error) as error:
        name = "standard input" if path == STDIN else path
        raise BadInput(f"cannot read {name}: {getattr(error, 'strerror', None) or error}") from None


def count_lines(path: Path) -> int | None:
    """Count the lines to read; None for standard input, which can be read only once.

    Raises:
        BadInput: the file cannot be read.
    """
    if path == STDIN:
        return None
    with opened(path) as file:
        return sum(1 for line in file if line.strip())


Record = tuple[int, dict[str, Any] | BadLine]


def read_records(
    path: Path,
    *,
    needed: Iterable[str] = (),
    plain: bool = False,
    check: Callable[[Sequence[str]], None] | None = None,
) -> Iterator[Record]:
    """Read the records of a file with their line numbers: CSV with a header, or JSON lines.

    Args:
        path: a plain or gzipped file; ``-`` is standard input.
        needed: fields that every record must have. A CSV file without such a column is refused.
        check: called with the columns of a CSV file, and may refuse them.
        plain: take a cell as text; otherwise objects, lists and quoted text are read as JSON.

    Yields:
        The number of each line, with its record or its fault.

    Raises:
        BadInput: the file cannot be read, or lacks a column.
    """
    with opened(path) as file:
        numbered = enumerate(file, start=1)
        number, line = next((found for found in numbered if found[1].strip()), (0, b""))
        begins = line.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        if begins == b"[":
            raise BadInput(f"{path} is a JSON array: write one object a line instead")
        if begins == b"{":
            yield from _json_records(number, chain([line], file))
        elif begins:
            numbers = _csv_records(number, chain([line], file), needed, plain=plain, check=check)
            yield from numbers


def _json_records(first: int, lines: Iterable[bytes]) -> Iterator[Record]:
    for at, line in enumerate(lines, start=first):
        if not line.strip():
            continue
        try:
            record = json.loads(line, parse_constant=no_constant)
        except (ValueError, RecursionError) as error:
            yield at, BadLine(line=at, reason=f"is not JSON: {error}")
            continue
        if isinstance(record, dict):
            yield at, {name: value for name, value in record.items() if value is not None}
        else:
            yield at, BadLine(line=at, reason="is not a JSON object")


def _csv_records(
    header: int,
    lines: Iterable[bytes],
    needed: Iterable[str],
    *,
    plain: bool,
    check: Callable[[Sequence[str]], None] | None,
) -> Iterator[Record]:
    text = (line.decode("utf-8-sig", "surrogateescape") for line in lines)
    heading = next(text)
    # a spreadsheet writes semicolons if the comma is its decimal sign
    delimiter = max(",;\t", key=heading.count)
    (columns,) = csv.reader([heading], delimiter=delimiter)
    columns = [column.strip() for column in columns]
    for name in needed:
        if name not in columns:
            raise BadInput(f'the file has no column "{name}": it has {", ".join(columns)}')
    if check is not None:
        check(columns)
    rows = csv.reader(text, delimiter=delimiter)
    while True:
        at = header + rows.line_num + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield at, BadLine(line=at, reason=f"is no CSV: {error}")
            continue
        if not row:
            continue
        if len(row) != len(columns):
            reason = f"has {len(row)} cells, the header has {len(columns)}"
            yield at, BadLine(line=at, reason=reason)
        elif not _is_text(row):
            yield at, BadLine(line=at, reason="is not UTF-8")
        else:
            yield (
                at,
                {
                    name: cell if plain else value_of(cell, typed=True)
                    for name, cell in zip(columns, row, strict=True)
                    if cell
                },
            )


def _is_text(cells: Iterable[str]) -> bool:
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:  # bytes that are not UTF-8 were decoded as surrogates
        return False
    return True
