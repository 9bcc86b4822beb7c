"""DuckDB: it writes Parquet, and keeps a file of its own."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sojourn.domain.errors import Unavailable
from sojourn.home import private_file
from sojourn.insight.exporting.reading import Batch, Row
from sojourn.insight.exporting.schema import STREAMS, Column, Stream
from sojourn.insight.exporting.target import Standing, duckdb


def quoted(text: object) -> str:
    """Return a text as SQL writes it."""
    return "'" + str(text).replace("'", "''") + "'"


@contextmanager
def staged(rows: Sequence[Row], columns: Sequence[Column]) -> Iterator[str]:
    """Hold rows in a file while the block lasts.

    Args:
        rows: of a stream.
        columns: of them.

    Yields:
        An expression of SQL that reads them.
    """
    with TemporaryDirectory(prefix="sojourn-export-") as folder:
        file = Path(folder) / "rows.json"
        with file.open("w", encoding="utf-8") as out:
            for row in rows:
                told = {one.name: _plain(row.get(one.name)) for one in columns}
                out.write(json.dumps(told, ensure_ascii=False) + "\n")
        types = ", ".join(f"{quoted(one.name)}: {quoted(one.type.value)}" for one in columns)
        yield (
            f"read_json({quoted(file)}, format = 'newline_delimited', columns = {{{types}}}, "
            "maximum_object_size = 50000000)"
        )


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


class DuckFile:
    """A database of DuckDB, which holds each row once, in its newest state.

    Args:
        file: may be a new one.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._connection: Any = None

    async def open(self) -> Standing | None:
        """Return how far it is filled; None: nothing is in it.

        Raises:
            Unavailable: DuckDB is not installed, or cannot open the file.
        """
        module = duckdb()
        try:
            self._connection = module.connect(str(self.file))
            private_file(self.file)
        except OSError as error:
            raise Unavailable(f"cannot open {self.file}: {error.strerror}") from None
        except module.Error as error:
            raise Unavailable(f"cannot open {self.file}: {str(error).splitlines()[0]}") from None
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS export"
            " (token VARCHAR, seq BIGINT, personal BOOLEAN, version INTEGER)"
        )
        found = self._connection.execute("SELECT * FROM export").fetchone()
        return Standing(*found) if found else None

    async def begin(self, standing: Standing) -> int:
        """Make the tables; return the number after which to begin."""
        for stream in STREAMS.values():
            columns = _kept(stream, standing)
            told = ", ".join(f"{_name(one)} {one.type.value}" for one in columns)
            self._connection.execute(f"CREATE TABLE IF NOT EXISTS {stream.name} ({told})")
            for one in columns:
                self._connection.execute(
                    f"ALTER TABLE {stream.name} ADD COLUMN IF NOT EXISTS"
                    f" {_name(one)} {one.type.value}"
                )
        return standing.seq

    async def write(self, batch: Batch, standing: Standing) -> None:
        """Write a batch, in one transaction."""
        run = self._connection.execute
        run("BEGIN")
        try:
            for name, rows in batch.rows.items():
                stream = STREAMS[name]
                names = ", ".join(_name(one) for one in _kept(stream, standing))
                with staged(rows, stream.shown(personal=standing.personal)) as found:
                    run(f"DELETE FROM {name} WHERE id IN (SELECT id FROM {found})")
                    run(f"INSERT INTO {name} ({names}) SELECT {names} FROM {found} WHERE NOT gone")
            run("DELETE FROM export")
            run(
                "INSERT INTO export VALUES (?, ?, ?, ?)",
                [standing.token, standing.seq, standing.personal, standing.version],
            )
            run("COMMIT")
        except BaseException:
            run("ROLLBACK")
            raise

    async def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()


def _kept(stream: Stream, standing: Standing) -> list[Column]:
    """Return the columns of a table: what is gone has no row there."""
    return [one for one in stream.shown(personal=standing.personal) if one.name != "gone"]


def _name(column: Column) -> str:
    return f'"{column.name}"'
