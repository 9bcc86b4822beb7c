"""How commands answer: tables for people, JSON for programs, one line for a fault."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum
from typing import Any

from rich.console import Console
from rich.table import Table

WIDE = 120  # where there is no terminal to ask: tables in a log should not break at 80
console = Console(width=None if sys.stdout.isatty() else WIDE)
stderr = Console(stderr=True)


def as_json(value: Any) -> str:
    """``value`` as JSON; moments as ISO 8601 in UTC."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=_plain)


def show_json(value: Any) -> None:
    """Print ``value`` as JSON, unadorned."""
    console.print(as_json(value), markup=False, highlight=False, soft_wrap=True)


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; cells are text, never markup."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    console.print(table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return str(value).replace("[", r"\[")


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Enum):
        return value.value
    return str(value)
