"""What `sojourn start` and `sojourn publish` share: fields, files, pace, order, progress."""

import asyncio
import csv
import gzip
import io
import json
import sys
import threading
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TypeVar
from zlib import crc32

from pydantic import BaseModel, TypeAdapter, ValidationError
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sojourn.cli.output import stderr
from sojourn.domain.errors import BadInput, UnknownName
from sojourn.domain.events import ENVELOPE, Event, Moment

LANES = 8
AHEAD = 100
STDIN = Path("-")
_MOMENT = TypeAdapter(Moment)
_JSON_BEGINS = ("{", "[", '"')

T = TypeVar("T")


class BadLine(BaseModel):
    """A line of a file that cannot be taken, and why."""

    line: int
    reason: str


# ---- fields ------------------------------------------------------------------------------------


def fields_of(event: type[Event]) -> dict[str, bool]:
    """The event's own fields, and whether each must be given."""
    fields = event.model_fields.items()
    return {name: field.is_required() for name, field in fields if name not in ENVELOPE}


def read_fields(
    pairs: Sequence[str], event: type[Event] | None, *, any_name: bool = False
) -> dict[str, Any]:
    """Read ``field=value`` as typed on a command line.

    Args:
        pairs: what was typed.
        event: whose fields they are; None: of one that nobody described.
        any_name: take names that are no field of it, too.

    Raises:
        BadInput: no ``=``, or a field twice.
        UnknownName: a field the event does not have.
    """
    fields: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise BadInput(f'"{pair}" is no field: write field=value')
        if name in fields:
            raise BadInput(f"the field {name} is given twice")
        own = event is not None and name in fields_of(event)
        if event is not None and not own and not any_name:
            raise UnknownName(f'field of "{event.event_name}" called', name, fields_of(event))
        fields[name] = value_of(text, typed=own)
    return fields


def value_of(text: str, *, typed: bool) -> Any:
    """A value as typed on a command line or in a cell.

    A field that has a type makes of the text what it needs, so an id like 007 or 1e5 stays what it
    is; only objects, lists and quoted text are read as JSON. Without a type, what is JSON is JSON.
    """
    if typed and not text.startswith(_JSON_BEGINS):
        return text
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text  # not meant as JSON


def read_moment(text: str | None) -> datetime:
    """The moment of ``--at``; now if there is none.

    Raises:
        BadInput: it is no moment, or lies ahead.
    """
    now = datetime.now(UTC)
    if text is None:
        return now
    try:
        moment = _MOMENT.validate_python(text)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise BadInput(f'--at "{text}": {reason[:1].lower() + reason[1:]}') from None
    if moment > now:
        raise BadInput(f'--at "{text}" lies ahead: an event is a fact, so it has happened')
    return moment


def check_rate(rate: float | None) -> None:
    """Refuse a rate that makes no sense.

    Raises:
        BadInput: it is not above 0.
    """
    if rate is not None and not rate > 0:
        raise BadInput(f"--rate {rate:g}: must be above 0, in events a second")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


# ---- files -------------------------------------------------------------------------------------


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file to read, plain or gzipped; ``-`` is standard input.

    Raises:
        BadInput: it cannot be opened, or breaks off while it is read.
    """
    try:
        if path == STDIN:
            # a buffer of our own: a thread that waits in sys.stdin's would block the interpreter
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
    """How many lines there are to read; None for standard input, which is read only once.

    Raises:
        BadInput: the file cannot be read.
    """
    if path == STDIN:
        return None
    with opened(path) as file:
        return sum(1 for line in file if line.strip())


Record = tuple[int, dict[str, Any] | BadLine]


def read_records(path: Path, *, needed: Iterable[str]) -> Iterator[Record]:
    """The records of a file, with their line numbers: CSV with a header, or JSON lines.

    Args:
        path: plain or gzipped; ``-`` is standard input.
        needed: fields every record must have; a CSV file without such a column is refused.

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
            yield from _csv_records(number, chain([line], file), needed)


def _json_records(first: int, lines: Iterable[bytes]) -> Iterator[Record]:
    for at, line in enumerate(lines, start=first):
        if not line.strip():
            continue
        try:
            record = json.loads(line, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            yield at, BadLine(line=at, reason=f"is no JSON: {error}")
            continue
        if isinstance(record, dict):
            yield at, {name: value for name, value in record.items() if value is not None}
        else:
            yield at, BadLine(line=at, reason="is no JSON object")


def _csv_records(header: int, lines: Iterable[bytes], needed: Iterable[str]) -> Iterator[Record]:
    text = (line.decode("utf-8-sig", "surrogateescape") for line in lines)
    heading = next(text)
    # spreadsheets where the comma is the decimal sign write semicolons
    delimiter = max(",;\t", key=heading.count)
    (columns,) = csv.reader([heading], delimiter=delimiter)
    columns = [column.strip() for column in columns]
    for name in needed:
        if name not in columns:
            raise BadInput(f'the file has no column "{name}": it has {", ".join(columns)}')
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
                    name: value_of(cell, typed=True)
                    for name, cell in zip(columns, row, strict=True)
                    if cell
                },
            )


def _is_text(cells: Iterable[str]) -> bool:
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:  # bytes that are not UTF-8 were let in as surrogates
        return False
    return True


# ---- pace and order ----------------------------------------------------------------------------


class Pace:
    """Lets so many through a second, evenly; what was not used is not saved up."""

    def __init__(self, rate: float | None) -> None:
        self._step = 1 / rate if rate else 0.0
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for the next turn."""
        now = asyncio.get_running_loop().time()
        turn = max(now, self._next)
        self._next = turn + self._step
        if turn > now:
            await asyncio.sleep(turn - now)


async def feed(
    items: Iterator[T], work: Callable[[T], Awaitable[None]], *, lane: Callable[[T], str]
) -> None:
    """Work on items side by side, and on those of one lane (a customer) in their order.

    The first failure ends it all and is raised.
    """
    queues: list[asyncio.Queue[T | None]] = [asyncio.Queue(1) for _ in range(LANES)]

    async def serve(queue: asyncio.Queue[T | None]) -> None:
        while (item := await queue.get()) is not None:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group, aclosing(_without_blocking(items)) as ready:
            for queue in queues:
                group.create_task(serve(queue))
            async for item in ready:
                await queues[crc32(lane(item).encode()) % LANES].put(item)
            for queue in queues:
                await queue.put(None)
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None


async def _without_blocking(items: Iterator[T]) -> AsyncGenerator[T, None]:
    """The items; waiting for the next one, as at the end of a pipe, lets others work.

    The thread is a daemon: one that waits for a terminal must not keep Ctrl-C from ending us.
    """
    loop = asyncio.get_running_loop()
    ahead: asyncio.Queue[tuple[T] | Exception | None] = asyncio.Queue()
    room = threading.Semaphore(AHEAD)
    over = threading.Event()

    def read() -> None:
        last: Exception | None = None
        try:
            for item in items:
                room.acquire()
                if over.is_set():
                    return
                loop.call_soon_threadsafe(ahead.put_nowait, (item,))
        except Exception as error:  # whoever waits for the items raises it again
            last = error
        if not over.is_set():
            loop.call_soon_threadsafe(ahead.put_nowait, last)

    threading.Thread(target=read, name="lines ahead", daemon=True).start()
    try:
        while (item := await ahead.get()) is not None:
            if isinstance(item, Exception):
                raise item
            room.release()
            yield item[0]
    finally:
        over.set()
        room.release()


# ---- progress ----------------------------------------------------------------------------------


@contextmanager
def progress(label: str, total: int | None) -> Iterator[Callable[[], None]]:
    """A bar on standard error while the block lasts; call what it gives once for each line."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        task = bar.add_task(label, total=total)
        yield lambda: bar.advance(task)


@contextmanager
def told_how_far(say: Callable[[], str]) -> Iterator[None]:
    """If the block does not reach its end (Ctrl-C, a server gone), say how far it got."""
    try:
        yield
    except (asyncio.CancelledError, Exception):
        stderr.print(say(), markup=False, highlight=False, soft_wrap=True)
        raise


def list_bad(lines: Sequence[BadLine]) -> str:
    """All of them, one a line."""
    return "\n".join(f"  line {bad.line}: {bad.reason}" for bad in lines)
