"""Answers of commands: tables for people, JSON for programs."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

WIDE = 120  # without a terminal: tables in a log should not break at 80
console = Console(width=None if sys.stdout.isatty() else WIDE)
stderr = Console(stderr=True)


def as_json(value: Any) -> str:
    """Return ``value`` as JSON, with moments as ISO 8601 in UTC."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=_plain)


def show_json(value: Any) -> None:
    """Print ``value`` as JSON, without styling."""
    console.print(as_json(value), markup=False, highlight=False, soft_wrap=True)


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table. Cells are text, never markup.

    Args:
        title: printed above the table.
        columns: the headings of the columns.
        rows: the rows, with a cell for each column.
    """
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    console.print(table)


def show_list(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print aligned columns, one line per row. Nothing is cut: ids can be copied and searched."""
    cells = [[name.upper() for name in columns], *([_text(v) for v in row] for row in rows)]
    widths = [max(cell_len(line[i]) for line in cells) for i in range(len(columns))]
    for number, line in enumerate(cells):
        padded = (
            text + " " * (width - cell_len(text)) for text, width in zip(line, widths, strict=True)
        )
        show_line("  ".join(padded).rstrip(), style="bold" if number == 0 else "")


def show_counts(counts: Mapping[str, int]) -> None:
    """Print counts, one per line; after the first two, only those above zero."""
    for number, (what, count) in enumerate(counts.items()):
        if count or number < 2:
            show_line(f"{count:>7}  {what}")


def show_line(text: str, *, style: str = "") -> None:
    """Print one line as it is, even if it is long."""
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def _cell(value: object) -> str:
    return _text(value).replace("[", r"\[")


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return str(value)


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Enum):
        return value.value
    return str(value)
