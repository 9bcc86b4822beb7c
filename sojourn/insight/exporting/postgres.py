"""A database of PostgreSQL: a table a stream, in the schema ``sojourn``, each row once."""

from enum import Enum
from typing import Any

import asyncpg

from sojourn.domain.errors import Unavailable
from sojourn.insight.exporting.reading import Batch
from sojourn.insight.exporting.schema import STREAMS, Column, Stream
from sojourn.insight.exporting.target import Standing

SCHEMA = "sojourn"
SAYS = f"{SCHEMA}.export"


class PostgresTables:
    """Tables that hold each row once, in its newest state.

    Args:
        url: ``postgres://user:secret@host:5432/name``.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection: Any = None

    async def open(self) -> Standing | None:
        """Return how far they are filled; None: nothing is in them.

        Raises:
            Unavailable: the database cannot be opened.
        """
        try:
            self._connection = await asyncpg.connect(self.url)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            # the error of a URL that cannot be read may quote it, password and all
            said = str(error) if isinstance(error, OSError | asyncpg.PostgresError) else ""
            raise Unavailable(
                f"cannot open the database of --to: {said or type(error).__name__}; "
                "write postgres://user:secret@host:5432/name"
            ) from None
        await self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        await self._connection.execute(
            f"CREATE TABLE IF NOT EXISTS {SAYS} (id int PRIMARY KEY CHECK (id = 1),"
            " token text NOT NULL, seq bigint NOT NULL, personal boolean NOT NULL,"
            " version int NOT NULL)"
        )
        found = await self._connection.fetchrow(f"SELECT token, seq, personal, version FROM {SAYS}")
        return Standing(*found) if found else None

    async def begin(self, standing: Standing) -> int:
        """Make the tables, and say how far they are; return the number after which to begin."""
        async with self._connection.transaction():
            for stream in STREAMS.values():
                table = f"{SCHEMA}.{stream.name}"
                await self._connection.execute(
                    f"CREATE TABLE IF NOT EXISTS {table} (id bigint PRIMARY KEY)"
                )
                for one in _kept(stream, standing)[1:]:
                    await self._connection.execute(
                        f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS"
                        f' "{one.name}" {one.type.value}'
                    )
            await self._say(standing)
        return standing.seq

    async def write(self, batch: Batch, standing: Standing) -> None:
        """Write a batch, in one transaction."""
        async with self._connection.transaction():
            for name, rows in batch.rows.items():
                columns = _kept(STREAMS[name], standing)
                await self._replace(
                    f"{SCHEMA}.{name}",
                    columns,
                    [tuple(_plain(row.get(one.name)) for one in columns) for row in rows
                     if not row["gone"]],
                    [row["id"] for row in rows if row["gone"]],
                )  # fmt: skip
            await self._say(standing)

    async def _replace(
        self, table: str, columns: list[Column], rows: list[tuple[Any, ...]], gone: list[int]
    ) -> None:
        run = self._connection
        await run.execute(f"DELETE FROM {table} WHERE id = ANY($1)", gone)
        names = ", ".join(f'"{one.name}"' for one in columns)
        await run.execute(f"CREATE TEMP TABLE staged (LIKE {table}) ON COMMIT DROP")
        await run.copy_records_to_table(
            "staged", records=rows, columns=[one.name for one in columns]
        )
        news = ", ".join(f'"{one.name}" = excluded."{one.name}"' for one in columns[1:])
        await run.execute(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM staged"
            f" ON CONFLICT (id) DO UPDATE SET {news}"
        )
        await run.execute("DROP TABLE staged")

    async def _say(self, standing: Standing) -> None:
        await self._connection.execute(
            f"INSERT INTO {SAYS} VALUES (1, $1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET"
            " token = excluded.token, seq = excluded.seq, personal = excluded.personal,"
            " version = excluded.version",
            standing.token, standing.seq, standing.personal, standing.version,
        )  # fmt: skip

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._connection.close()


def _kept(stream: Stream, standing: Standing) -> list[Column]:
    """Return the columns of a table: what is gone has no row there."""
    return [one for one in stream.shown(personal=standing.personal) if one.name != "gone"]


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value
