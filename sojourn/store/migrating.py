"""Migrations: the schema grows first, and what older code needs goes a release later.

A database has two versions. ``schema_version`` is Alembic's: the newest migration that has run.
``alembic_version`` is the floor: the oldest code that the schema still serves. A migration
that only adds leaves the floor where it is, so workers of the former release go on, can restart,
and a rollback to them works. One that removes something says so in a line ``CONTRACTS``, and raises
the floor.

Alembic takes long to load, and only what migrates, or says beforehand what a migration would do,
needs it: every other start reads the versions that the code knows from the names of the files.

Indexes are not part of the migrations. Indexes in `tables` that a database lacks are built at the
end: on PostgreSQL concurrently, beside the running work. Those that no query needs any more are
dropped in the same way.
"""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Index, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.schema import CreateIndex
from sqlmodel import SQLModel

from sojourn.domain.errors import StoreUnavailable
from sojourn.store.tables import RETIRED_INDEXES

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import Script, ScriptDirectory

MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 0x50_10_42_4E  # no other program locks this number in our database
ACTUAL, FLOOR = "schema_version", "alembic_version"
PROMISED = "0006"
"""The first version whose code is served by later schemas."""
# shorter than the second after which PostgreSQL looks for deadlocks, so that the migration gives
# way, and never the running work
LOCK_TIMEOUT_MS = 500
TRIES = 60
PAUSE_SECONDS = 1.0
_LOCK_NOT_AVAILABLE = "55P03"


class Standing(StrEnum):
    """The standing of a database, as this code sees it."""

    READY = "ready"
    OLDER = "older"
    """It must be migrated first."""
    NEWER = "newer"
    """It has grown since, and still serves this code."""
    FOREIGN = "foreign"
    """It no longer serves this code."""


@dataclass(frozen=True)
class Version:
    """The version of a database.

    Args:
        actual: its newest migration; None if it is empty.
        floor: the oldest code that it serves; None if it is empty.
    """

    actual: str | None
    floor: str | None

    @property
    def standing(self) -> Standing:
        """Its standing for this code."""
        known = _known()
        if self.actual is None:
            return Standing.OLDER
        if self.floor not in known:
            return Standing.FOREIGN
        if self.actual == head():
            return Standing.READY
        return Standing.OLDER if self.actual in known else Standing.NEWER

    def __str__(self) -> str:
        if self.standing is Standing.FOREIGN:
            return str(self.floor)
        return self.actual or "none"


@dataclass(frozen=True)
class Step:
    """A migration that has not run yet.

    Args:
        revision: its number.
        title: what it is for.
        locks: what it locks, in words.
        contracts: what older code cannot do after it; empty if it only adds.
    """

    revision: str
    title: str
    locks: tuple[str, ...]
    contracts: str = ""


def head() -> str:
    """Return the version that this code needs."""
    return max(_known())


def version(connection: Connection) -> Version:
    """Read the version of a database."""
    there = inspect(connection).get_table_names()
    floor = _number(connection, FLOOR) if FLOOR in there else None
    # a database that was migrated only before ``schema_version`` existed has one number for both
    return Version(_number(connection, ACTUAL) if ACTUAL in there else floor, floor)


def upgrade(connection: Connection) -> None:
    """Run the migrations that are due, within the connection's transaction.

    Args:
        connection: a connection in a transaction. On PostgreSQL it waits for another migration,
          and gives up when a table stays locked for `LOCK_TIMEOUT_MS`.
    """
    from alembic import command  # noqa: PLC0415 (see above)

    if connection.dialect.name == "postgresql":
        # one migration at a time: the second finds it done. SQLite has one writer anyway
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
    before = version(connection)
    if before.actual is not None:
        _write(connection, ACTUAL, before.actual)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    _write(connection, FLOOR, floor())
    if connection.dialect.name != "postgresql":
        for index in missing_indexes(connection):
            index.create(connection)
        for name in retired_indexes(connection):
            connection.exec_driver_sql(f'DROP INDEX "{name}"')


async def migrate(engine: AsyncEngine) -> None:
    """Bring a database up to date, and build the indexes that it lacks.

    Raises:
        StoreUnavailable: a table stayed locked through `TRIES` attempts; nothing was changed.
    """
    for tries in range(TRIES, 0, -1):
        try:
            async with engine.begin() as connection:
                await connection.run_sync(upgrade)
            break
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", "") != _LOCK_NOT_AVAILABLE:
                raise
            if tries == 1:
                raise StoreUnavailable(
                    "the migration could not lock a table for a minute, because a transaction "
                    "holds it; nothing was changed: end it, and run `sojourn migrate` again"
                ) from None
            await asyncio.sleep(PAUSE_SECONDS)
    if engine.dialect.name == "postgresql":
        async with engine.connect() as connection:
            await _build(await connection.execution_options(isolation_level="AUTOCOMMIT"))


async def _build(connection: AsyncConnection) -> None:
    """Build missing indexes while others read and write; one process at a time."""
    # try, do not wait: a session that waits for a lock holds a snapshot, which blocks the build
    mine = False
    while not mine:
        asked = await connection.execute(text(f"SELECT pg_try_advisory_lock({MIGRATION_LOCK})"))
        mine = bool(asked.scalar_one())
        if not mine:
            await asyncio.sleep(PAUSE_SECONDS)
    try:
        for name in await connection.run_sync(_broken_indexes):
            await connection.exec_driver_sql(f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"')
        for index in await connection.run_sync(missing_indexes):
            await connection.exec_driver_sql(concurrently(index, connection.sync_connection))
        for name in await connection.run_sync(retired_indexes):
            await connection.exec_driver_sql(f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"')
    finally:
        await connection.execute(text(f"SELECT pg_advisory_unlock({MIGRATION_LOCK})"))


def concurrently(index: Index, connection: Connection | None) -> str:
    """Return the statement that builds an index beside the running work."""
    assert connection is not None
    written = str(CreateIndex(index).compile(dialect=connection.dialect))
    return written.replace("CREATE INDEX ", "CREATE INDEX CONCURRENTLY IF NOT EXISTS ", 1)


def missing_indexes(connection: Connection) -> list[Index]:
    """Return the indexes of the code's tables that a database lacks."""
    there = set(inspect(connection).get_table_names())
    known = _index_names(connection)
    return [
        index
        for table in SQLModel.metadata.sorted_tables
        if table.name in there
        for index in sorted(table.indexes, key=lambda index: str(index.name))
        if index.name not in known
    ]


def _broken_indexes(connection: Connection) -> list[str]:
    """Return our indexes whose build was interrupted: PostgreSQL keeps, but never uses them."""
    ours = {
        str(index.name) for table in SQLModel.metadata.tables.values() for index in table.indexes
    }
    rows = connection.exec_driver_sql(
        "SELECT relname FROM pg_class JOIN pg_index ON indexrelid = pg_class.oid "
        "WHERE NOT indisvalid AND pg_table_is_visible(pg_class.oid)"
    )
    return [name for (name,) in rows if name in ours]


def retired_indexes(connection: Connection) -> list[str]:
    """Return indexes that a database has, and that this code no longer uses."""
    return sorted(_index_names(connection).intersection(RETIRED_INDEXES))


def _index_names(connection: Connection) -> set[str]:
    # by name: SQLAlchemy does not read indexes of expressions
    return {
        name
        for (name,) in connection.exec_driver_sql(
            "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()"
            if connection.dialect.name == "postgresql"
            else "SELECT name FROM sqlite_master WHERE type = 'index'"
        )
    }


# ---- announcing it ----------------------------------------------------------------------------


def plan(connection: Connection) -> list[Step]:
    """Return the migrations that are due, and what each locks on this kind of database."""
    before = version(connection)
    if before.standing is not Standing.OLDER:
        return []
    return [
        Step(
            script.revision,
            (script.doc or "").strip().rstrip("."),
            tuple(_locks(script, connection)),
            contracts_of(script),
        )
        for script in _due(before.actual)
    ]


def statements(script: Script) -> list[str]:
    """Return what a migration does on PostgreSQL, as SQL."""
    from alembic import command  # noqa: PLC0415 (see above)

    written = io.StringIO()
    config = _config(written)
    command.upgrade(config, f"{script.down_revision}:{script.revision}", sql=True)
    lines = (line for line in written.getvalue().splitlines() if not line.startswith("--"))
    return [
        one
        for statement in "\n".join(lines).split(";\n")  # a function's body has others in it
        if (one := " ".join(statement.split()))
        and one not in ("BEGIN", "COMMIT")
        and f"{ACTUAL}" not in one
    ]


def contracts_of(script: Script) -> str:
    """Return what older code cannot do after a migration; empty if the migration only adds."""
    if script.revision in _before_the_promise():
        return "workers of former releases stop working"
    return str(getattr(script.module, "CONTRACTS", ""))


def floor() -> str:
    """Return the oldest version whose code the newest schema serves."""
    return next(
        (script.revision for script in _walk() if getattr(script.module, "CONTRACTS", "")), PROMISED
    )


def _locks(script: Script, connection: Connection) -> Iterator[str]:
    if connection.dialect.name != "postgresql":
        yield "the whole file while it runs: nobody else writes"
        return
    if script.revision in _before_the_promise():
        yield "its tables, for as long as it takes to rewrite them"
        return
    for statement in statements(script):
        yield in_words(statement)


_WORDS = (
    (r"CREATE TABLE (\S+)", "{0} is new: nothing in use is locked"),
    (
        r"ALTER TABLE (\S+) ADD COLUMN (\S+) ",
        "{0} for a moment: it gets the column {1}, and no row is rewritten",
    ),
    (r"CREATE (?:UNIQUE )?INDEX (\S+) ON (\S+)", "{1} against writing, while {0} is built"),
    (r"ALTER TABLE (\S+) SET \(", "nothing in use: {0} is kept otherwise on the disk from now on"),
    (r"ALTER TABLE (\S+) ", "{0} against reading and writing"),
    (r"(?:UPDATE|DELETE FROM|INSERT INTO) (\S+)", "rows of {0}, until it is done"),
    (r"DROP (?:TABLE|INDEX) (\S+)", "{0}, which goes"),
    (r"CREATE FUNCTION (\w+)", "{0} is new: nothing in use is locked"),
    (r"CREATE TRIGGER (\S+) AFTER \w+ ON (\S+)", "{1} against writing for a moment: it gets {0}"),
)


def in_words(statement: str) -> str:
    """Describe in words what a statement locks on PostgreSQL."""
    for pattern, words in _WORDS:
        if found := re.match(pattern, statement):
            return words.format(*(part.strip('"') for part in found.groups()))
    return statement


# ---- the scripts ---------------------------------------------------------------------------


@cache
def _known() -> frozenset[str]:
    """Return the numbers of all migrations."""
    return frozenset(
        file.name.partition("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*_*.py")
    )


def _config(output: io.StringIO | None = None) -> Config:
    from alembic.config import Config  # noqa: PLC0415 (see above)

    config = Config(output_buffer=output)
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


@cache
def _directory() -> ScriptDirectory:
    from alembic.script import ScriptDirectory  # noqa: PLC0415 (see above)

    return ScriptDirectory(str(MIGRATIONS))


def _walk() -> list[Script]:
    """Return all migrations, the newest first."""
    return list(_directory().walk_revisions())


def _due(after: str | None) -> Sequence[Script]:
    """Return the migrations after a version, the oldest first."""
    found: list[Script] = []
    for script in _walk():
        if script.revision == after:
            break
        found.insert(0, script)
    return found


def _before_the_promise() -> set[str]:
    return {script.revision for script in _directory().iterate_revisions(PROMISED, "base")}


# ---- the two numbers -----------------------------------------------------------------------


def _number(connection: Connection, table: str) -> str | None:
    found = connection.exec_driver_sql(f"SELECT version_num FROM {table}").first()  # noqa: S608
    return str(found[0]) if found else None


def _write(connection: Connection, table: str, number: str) -> None:
    connection.exec_driver_sql(
        f"CREATE TABLE IF NOT EXISTS {table} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"
    )
    connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608
    connection.exec_driver_sql(f"INSERT INTO {table} VALUES ('{number}')")  # noqa: S608
