"""Open the database, and run its transactions.

Every writing transaction on SQLite is ``BEGIN IMMEDIATE``: there is one writer at a time, so its
reads stay true until it commits. On PostgreSQL a row lock does the same for one customer
(`store.people.lock`).
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.errors import BadSetting, StoreUnavailable
from sojourn.home import private_file, private_folder
from sojourn.store import migrating
from sojourn.store.migrating import Standing, Step, Version, head, version
from sojourn.store.one_trip import be_brief, begins_at_once, take_one_trip

BUSY_TIMEOUT_MS = 30_000
PAUSE_SECONDS = 5
_LEFT = "sojourn.left"
DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}


class Store:
    """The database. Open it with `Store.open`; close it with `close`, or by ``async with``."""

    def __init__(self, engine: AsyncEngine, writers: int) -> None:
        self.engine = engine
        self._closed = False
        event.listen(engine.sync_engine, "checkin", self._hang_up)
        # SQLite has one writer at a time: a queue here is cheaper and fairer than SQLite's busy
        # handler, which sleeps and tries again
        self._writers = asyncio.Semaphore(writers)

    @classmethod
    async def open(
        cls, url: str, *, migrate: bool = False, check: bool = True, pool_size: int = 10
    ) -> Self:
        """Open the database at ``url`` and check that it serves this code.

        A database that a newer release has migrated serves this code, too, as long as it has only
        grown.

        Args:
            url: SQLAlchemy URL of SQLite or PostgreSQL.
            migrate: bring an older or empty database up to date first. An empty SQLite file is
                always brought up to date.
            check: refuse a database that does not serve this code, or not yet.
            pool_size: the most connections to hold.

        Returns:
            The open store.

        Raises:
            BadSetting: the URL names no supported database, or an option the driver does not know.
            StoreUnavailable: the database cannot be opened, or does not serve this code.
        """
        target = _url(url)
        sqlite = target.drivername.startswith("sqlite")
        if sqlite and target.database:
            _make_file(Path(target.database))
        store = cls(_engine(target, pool_size), writers=1 if sqlite else pool_size)
        try:
            async with store._looking() as connection:
                current = await connection.run_sync(version)
                empty = current.actual is None and sqlite
            if migrate and current.standing is Standing.FOREIGN:
                raise StoreUnavailable(
                    f"the database is at version {current}, which this code does not know: "
                    "it was made by a newer Sojourn; upgrade this one"
                )
            # indexes too: a migration may have ended before they were built
            if (empty and check) or (migrate and current.standing is not Standing.NEWER):
                await migrating.migrate(store.engine)
                current = Version(head(), head())
        except (DBAPIError, OSError) as error:
            await store.close()
            raise StoreUnavailable(
                f"cannot open the database {target.render_as_string(hide_password=True)}: "
                f"{_first_line(error)}; see SOJOURN_DATABASE_URL"
            ) from None
        except StoreUnavailable:
            await store.close()
            raise
        except TypeError as error:
            await store.close()
            if "unexpected keyword" not in str(error):
                raise
            raise BadSetting(
                f"SOJOURN_DATABASE_URL: the database driver does not know an option of it: {error}"
            ) from None
        if check and current.standing not in (Standing.READY, Standing.NEWER):
            await store.close()
            raise StoreUnavailable(
                f"the database {target.render_as_string(hide_password=True)} is at version "
                f"{current}, this code needs {head()}: run `sojourn migrate`"
            )
        return store

    @property
    def engine(self) -> AsyncEngine:
        """The engine of ordinary transactions; the others stand on it."""
        return self._engine

    @engine.setter
    def engine(self, engine: AsyncEngine) -> None:
        # made once: to give an engine its options takes as long as a small statement
        self._engine = engine
        self._reader = engine.execution_options(sojourn_read_only=True)
        self._brief = engine.execution_options(sojourn_brief=True)
        self._brief_reader = self._reader.execution_options(sojourn_brief=True)
        if engine.dialect.name == "postgresql":
            # nothing to begin and to end: two of three trips to the server
            alone = self._brief_reader.execution_options(isolation_level="AUTOCOMMIT")
            self._brief_reader = alone

    async def due(self) -> tuple[list[Step], list[str]]:
        """Return the migrations that are due, and the names of the missing indexes."""
        async with self._looking() as connection:
            steps = await connection.run_sync(migrating.plan)
            missing = await connection.run_sync(migrating.missing_indexes)
        return steps, [f"{index.name} of {index.table}" for index in missing]

    def _looking(self) -> AsyncConnection:
        """Return a connection that only reads: on SQLite it waits for no writer."""
        return self._reader.connect()

    async def close(self) -> None:
        """Close all connections; one that is in use is closed when its session ends."""
        self._closed = True
        await self.engine.dispose()

    def _hang_up(self, _: object, entry: ConnectionPoolEntry) -> None:
        """Close what comes back to a pool that nobody looks after any more."""
        if self._closed:
            entry.invalidate()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.close()

    @asynccontextmanager
    async def transaction(self, *, brief: bool = False) -> AsyncIterator[AsyncSession]:
        """Open a writing transaction: commit it at the end, roll it back on an exception.

        Args:
            brief: it is on a hot path and consists of small statements, which on SQLite run in the
                event loop's own thread (`store.one_trip`).

        Yields:
            The session.
        """
        engine = self._brief if brief else self._engine
        async with (
            self._writers,
            AsyncSession(engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @asynccontextmanager
    async def reading(self, *, brief: bool = False) -> AsyncIterator[AsyncSession]:
        """Open a session that only reads; on SQLite it does not wait for writers.

        Args:
            brief: as for `transaction`; on PostgreSQL, each statement sees what is committed when
                it begins, and there is no transaction around them.

        Yields:
            The session.
        """
        reader = self._brief_reader if brief else self._reader
        async with AsyncSession(reader, expire_on_commit=False) as session:
            yield session


def _url(url: str) -> URL:
    try:
        target = make_url(url)
    except (ArgumentError, ValueError):  # ValueError: the port is not a number
        # the error does not quote the URL, which may hold a password
        raise BadSetting(
            "SOJOURN_DATABASE_URL is not a database URL; write sqlite+aiosqlite:///file "
            "or postgresql+asyncpg://user:secret@host:5432/name"
        ) from None
    backend = target.get_backend_name()
    if backend not in DRIVERS:
        raise BadSetting(
            f"SOJOURN_DATABASE_URL: {backend} is not supported; use SQLite or PostgreSQL"
        )
    return target.set(drivername=DRIVERS[backend])


def _make_file(file: Path) -> None:
    """Create the file first: SQLite gives the files beside it the same permissions."""
    if str(file).startswith((":memory:", "file:")):
        return
    folder = file.parent
    try:
        private_folder(folder)
    except OSError as error:
        raise StoreUnavailable(
            f"cannot make the folder {folder} ({error.strerror}): "
            "set SOJOURN_HOME to a folder of yours, or see SOJOURN_DATABASE_URL"
        ) from None
    try:
        private_file(file)
    except OSError as error:
        raise StoreUnavailable(
            f"cannot open the database {file} ({error.strerror}); see SOJOURN_DATABASE_URL"
        ) from None


def _engine(url: URL, pool_size: int) -> AsyncEngine:
    options: dict[str, Any] = {
        "pool_size": pool_size,
        "max_overflow": 0,
        "pool_timeout": 60,
        "hide_parameters": True,  # logs and Temporal's failures keep the text of an error
    }
    if not url.drivername.startswith("sqlite"):
        engine = create_async_engine(url, **options)
        _ask_after_a_pause(engine.sync_engine)
        return engine
    engine = create_async_engine(url, **options)
    take_one_trip(engine.sync_engine)

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # the driver must not begin its own transactions
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode=WAL")
        # FULL puts an acknowledged event on disk; WAL with NORMAL could lose it in a power cut
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        # overwrites deleted content: a code must not stay in the file once its row is gone
        cursor.execute("PRAGMA secure_delete=ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        brief, reads = options.get("sojourn_brief"), options.get("sojourn_read_only")
        if not reads and not (brief and begins_at_once(connection, BUSY_TIMEOUT_MS)):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        if brief:
            be_brief(connection)
        if reads:
            connection.exec_driver_sql("BEGIN")

    return engine


def _ask_after_a_pause(engine: Engine) -> None:
    """Ask a connection whether it still works if nobody has used it for a while.

    To ask each time, as SQLAlchemy would, is a round trip for each transaction. A server that has
    gone away within the pause fails one statement; SQLAlchemy then drops all its connections.
    """

    @event.listens_for(engine, "checkin")
    def left(_: object, entry: ConnectionPoolEntry) -> None:
        entry.info[_LEFT] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def taken(connection: Any, entry: ConnectionPoolEntry, _: object) -> None:
        at = entry.info.get(_LEFT)
        if at is None or time.monotonic() - at < PAUSE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error  # the pool makes another one


def _first_line(error: BaseException) -> str:
    original = getattr(error, "orig", None) or error
    return (
        str(original).strip().splitlines()[0] if str(original).strip() else type(original).__name__
    )
