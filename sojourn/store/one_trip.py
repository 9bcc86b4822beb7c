"""SQLite's driver, with one trip to its thread for each statement.

`aiosqlite` runs SQLite in a thread, and asks it four times a statement: for a cursor, for the
statement, for the rows, and to close the cursor. On a hot path the trips cost more than SQLite
does. Here the thread does all four at once.

A brief transaction takes one trip, to commit: there SQLite waits for the disk; one that only reads
takes none. Before that it waits for nothing, and its statements run where they are asked, since
each takes less than a trip to the thread, and less than the thread would wait for Python's lock
while others work. Only if another process writes at that moment does its beginning take a trip,
too, and waits there.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import aiosqlite
from sqlalchemy import Connection as Engined
from sqlalchemy import Engine, event

CHUNK = 64
"""Rows that `aiosqlite` fetches at one time where it streams; nothing here does."""


@dataclass(frozen=True)
class _Answer:
    """The answer to one statement: all its rows, and what a cursor tells about them."""

    rows: Sequence[Any]
    description: Any
    rowcount: int
    lastrowid: int | None


class Connection(aiosqlite.Connection):
    """A connection whose statements take one trip each."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._thread.daemon = True  # as SQLAlchemy makes it: no process waits for it to end
        self.is_brief = False

    def cursor(self) -> "Cursor":  # type: ignore[override]  # a cursor that has asked nothing yet
        """Return a cursor, without a trip."""
        return Cursor(self)

    async def commit(self) -> None:
        """Commit the transaction, in the thread: it waits for the disk."""
        self.is_brief = False
        await super().commit()

    async def rollback(self) -> None:
        """Roll the transaction back; without one, there is nothing to ask the thread for.

        A pool rolls back whatever comes back to it, and most transactions are committed by then.
        SQLAlchemy closes the connection of a caller that has stopped waiting for a statement.
        """
        is_brief, self.is_brief = self.is_brief, False
        if not self.in_transaction:
            return
        if is_brief:
            self._conn.rollback()  # which waits for nothing
        else:
            await super().rollback()

    def begins_at_once(self, busy_timeout_ms: int) -> bool:
        """Begin a writing transaction here, unless SQLite would have to wait for another writer.

        Args:
            busy_timeout_ms: of the connection; it holds again afterwards.

        Returns:
            True if it has begun.

        Raises:
            sqlite3.Error: SQLite refuses to.
        """
        self._conn.execute("PRAGMA busy_timeout=0")
        try:
            self._conn.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            return False
        finally:
            self._conn.execute(f"PRAGMA busy_timeout={busy_timeout_ms}")
        return True

    async def ask(self, run: Callable[..., sqlite3.Cursor], sql: str, values: Any) -> _Answer:
        """Run a statement and fetch its rows.

        Args:
            run: ``execute`` or ``executemany`` of SQLite's connection.
            sql: the statement.
            values: of its parameters.

        Returns:
            The rows and what is known about them.

        Raises:
            sqlite3.Error: SQLite refuses the statement.
        """
        if self.is_brief:
            return _answer(run, sql, values)
        answer: _Answer = await self._execute(_answer, run, sql, values)  # type: ignore[no-untyped-call]
        return answer

    @property
    def raw(self) -> sqlite3.Connection:
        """SQLite's connection, which belongs to the thread."""
        return self._conn


class Cursor:
    """The cursor that SQLAlchemy's adapter asks: it holds the whole answer to its statement."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._answer = _Answer((), None, -1, None)
        self.arraysize = 1

    async def __aenter__(self) -> "Cursor":
        return self

    @property
    def description(self) -> Any:
        """The columns of the rows; None: the statement has none."""
        return self._answer.description

    @property
    def rowcount(self) -> int:
        """The rows that the statement has changed; -1: it changes none."""
        return self._answer.rowcount

    @property
    def lastrowid(self) -> int | None:
        """The number of the row that was stored last."""
        return self._answer.lastrowid

    async def execute(self, sql: str, values: Any = ()) -> "Cursor":
        """Run a statement and keep its rows."""
        self._answer = await self._connection.ask(self._connection.raw.execute, sql, values)
        return self

    async def executemany(self, sql: str, values: Any) -> "Cursor":
        """Run a statement for each of several sets of values."""
        self._answer = await self._connection.ask(self._connection.raw.executemany, sql, values)
        return self

    async def fetchall(self) -> Sequence[Any]:
        """Return the rows."""
        return self._answer.rows

    async def close(self) -> None:
        """Do nothing: SQLite's own cursor was closed when it had answered."""


def take_one_trip(engine: Engine) -> None:
    """Make an engine of `aiosqlite` connect as this module does.

    Args:
        engine: has made no connection yet.
    """

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, _record: Any, where: Any, options: Any) -> Any:
        return dialect.dbapi.connect(*where, async_creator_fn=_opened, **options)


def be_brief(connection: Engined) -> None:
    """Run the statements of a transaction where they are asked, from here to its end.

    Args:
        connection: of an engine that connects as this module does.
    """
    _driver(connection).is_brief = True


def begins_at_once(connection: Engined, busy_timeout_ms: int) -> bool:
    """Begin a writing transaction at once, as `Connection.begins_at_once`.

    Args:
        connection: of an engine that connects as this module does.
        busy_timeout_ms: of the connection.

    Returns:
        False if another writer is in the way.
    """
    return _driver(connection).begins_at_once(busy_timeout_ms)


def _driver(connection: Engined) -> Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, Connection)
    return driver


def _opened(database: str, **options: Any) -> Connection:
    shared = {**options, "check_same_thread": False}  # one thread at a time has it
    return Connection(lambda: sqlite3.connect(database, **shared), CHUNK)


def _answer(run: Callable[..., sqlite3.Cursor], sql: str, values: Any) -> _Answer:
    cursor = run(sql, values)
    try:
        rows = cursor.fetchall() if cursor.description else ()
        return _Answer(rows, cursor.description, cursor.rowcount, cursor.lastrowid)
    finally:
        cursor.close()
