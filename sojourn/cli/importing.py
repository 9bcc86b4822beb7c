"""The counts and the report of an import of rows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from pydantic import BaseModel, Field

from sojourn.cli.output import show_counts, show_json, show_line
from sojourn.cli.progress import list_bad
from sojourn.cli.records import BadLine
from sojourn.cli.rows import Refused

SHOWN = 20
"""The most refused rows to list; the file has all of them."""


class Imported(BaseModel):
    """The result of an import, counted row by row.

    Args:
        read: rows that are not empty.
        new: rows that changed something; in a dry run, rows that would.
        known: rows that were on record before, and changed nothing.
        created: customers that the rows created.
        by_address: refusals of an address that no customer has yet; they apply once one has it.
        ignored: rows that say neither yes nor no, such as "never subscribed".
        refused: rows of which nothing was stored.
        file: the file with the refused rows.
        dry_run: nothing was stored.
    """

    read: int = 0
    new: int = 0
    known: int = 0
    created: int = 0
    by_address: int = 0
    ignored: int = 0
    refused: list[BadLine] = []
    file: str | None = None
    dry_run: Annotated[bool, Field()] = False


@dataclass(frozen=True)
class Tally:
    """An import under way.

    Args:
        report: counts each row at once, so that an interrupted command can say how far it got.
        refused: receives the rows that cannot be taken.
        on_row: called after each row.
    """

    report: Imported
    refused: Refused
    on_row: Callable[[], None]

    def read(self, line: int, record: dict[str, Any] | BadLine) -> dict[str, str] | None:
        """Count a row; return its cells as text, or None if it cannot be read."""
        self.report.read += 1
        self.on_row()
        if isinstance(record, BadLine):
            self.refused.add(line, record.reason)
            return None
        return {name: _text(value) for name, value in record.items()}

    def how_far(self) -> str:
        """Say how far an interrupted import got; empty if it had not begun."""
        if not self.report.read:
            return ""
        return f"read {self.report.read} rows; import the same file again to go on"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()


def show_report(
    report: Imported, refused: Refused, *, as_json: bool, unit: str = "words recorded"
) -> None:
    """Write the refused rows to their file, and show the report.

    Args:
        report: the report of the import.
        refused: the refused rows.
        as_json: print JSON.
        unit: the words for rows that change something, such as ``words recorded``.

    Raises:
        Exit: with code 1, if a row was refused.
    """
    path = refused.write()
    report.refused = sorted(refused.lines, key=lambda bad: bad.line)
    report.file = str(path) if path else None
    if as_json:
        show_json(report.model_dump())
    else:
        _show(report, unit)
    if report.refused:
        raise typer.Exit(1)


def _show(report: Imported, unit: str) -> None:
    would = "would be " if report.dry_run else ""
    show_counts(
        {
            "rows read": report.read,
            _of(unit, dry_run=report.dry_run): report.new,
            "on record before": report.known,
            f"customers {would}made": report.created,
            "of an address that no customer has yet": report.by_address,
            "that say neither yes nor no, ignored": report.ignored,
            "rows refused, nothing of them was stored": len(report.refused),
        }
    )
    if report.refused:
        show_line(list_bad(report.refused[:SHOWN]))
        if len(report.refused) > SHOWN:
            show_line(f"  and {len(report.refused) - SHOWN} more")
    if report.file:
        show_line(f"the refused rows are in {report.file}: mend them there, and import that file")
    if report.dry_run:
        show_line("a dry run: nothing was stored")


def _of(unit: str, *, dry_run: bool) -> str:
    what, verb = unit.split(" ", 1)
    return f"{what} would be {verb}" if dry_run else unit
