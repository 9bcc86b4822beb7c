"""Scrub the database's files, which still hold the data of deleted rows.

SQLite's file is rewritten without them, and its log is emptied. PostgreSQL reclaims the space of
dead rows, and overwrites it in its own time; ``rewrite`` rewrites the tables at once, under a lock.
Its statistics quote values of columns: they are gathered again.
"""

import asyncio
import sqlite3
from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import exists, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from sojourn.domain.errors import StoreUnavailable
from sojourn.store import Store
from sojourn.store.engine import BUSY_TIMEOUT_MS
from sojourn.store.rights.finding import table_of
from sojourn.store.rights.holdings import HOLDINGS
from sojourn.store.rights.register import Find

TABLES = (*(name for name, one in HOLDINGS.items() if one.find is not Find.NOBODY), "erasures")
POLL, PATIENCE = timedelta(seconds=0.2), timedelta(seconds=10)
"""The time between two looks whether other work has ended, and the longest wait for it."""
MILLISECOND = timedelta(milliseconds=1)
_LOCK_NOT_AVAILABLE = "55P03"


async def scrub(store: Store, tables: Iterable[str] = TABLES, *, rewrite: bool = False) -> None:
    """Remove erased data from the database's files, as far as the database can.

    Args:
        store: the open store; the caller has no open transaction.
        tables: the tables that had rows of the person.
        rewrite: on PostgreSQL, rewrite the tables. Nobody can read or write them meanwhile.

    Raises:
        StoreUnavailable: other work uses the database at this moment; try again.
    """
    if store.engine.dialect.name == "sqlite":
        await _rewrite_sqlite(store)
        return
    bare = store.engine.execution_options(isolation_level="AUTOCOMMIT")
    full = "FULL, " if rewrite else ""
    async with bare.connect() as connection:
        await _outlive_readers(connection)
        for table in tables:
            await connection.execute(text(f'VACUUM ({full}ANALYZE) "{table}"'))
            await _forget_statistics(store, connection, table)
        # it quoted values of our rows; PostgreSQL skips it if we do not own the database
        await _outlive_readers(connection)  # who began to read meanwhile would keep them
        await connection.execute(text(f"VACUUM {'(FULL)' if rewrite else ''} pg_statistic"))


async def _forget_statistics(store: Store, connection: AsyncConnection, table: str) -> None:
    """Drop the statistics of a table that is now empty: ANALYZE leaves them, with their values."""
    if (await connection.execute(select(exists(table_of(table))))).scalar_one():
        return
    columns = text(
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod) "
        "FROM pg_attribute a JOIN pg_stats s ON s.attname = a.attname "
        "AND s.schemaname = current_schema() AND s.tablename = :name "
        "WHERE a.attrelid = CAST(:name AS regclass)"
    ).bindparams(name=table)
    found = (await connection.execute(columns)).all()
    if not found:
        return
    try:
        async with store.engine.begin() as change:
            await change.execute(text(f"SET LOCAL lock_timeout = {PATIENCE // MILLISECOND}"))
            await _write_types_again(change, table, [(column, kind) for column, kind in found])
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") != _LOCK_NOT_AVAILABLE:
            raise
        raise StoreUnavailable(f"the database is in use: {table} is locked") from None


async def _write_types_again(
    change: AsyncConnection, table: str, columns: list[tuple[str, str]]
) -> None:
    """Set columns to the types that they have, which only drops their statistics.

    A trigger that reads a column forbids that, so triggers are dropped first and created again.
    """
    triggers = text(
        "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger "
        "WHERE tgrelid = CAST(:name AS regclass) AND NOT tgisinternal"
    ).bindparams(name=table)
    taken = (await change.execute(triggers)).all()
    for name, _ in taken:
        await change.execute(text(f'DROP TRIGGER "{name}" ON "{table}"'))
    for column, kind in columns:
        await change.execute(text(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" TYPE {kind}'))
    for _, definition in taken:
        await change.execute(text(definition.replace(":", "\\:")))


async def _outlive_readers(connection: AsyncConnection) -> None:
    """Wait until no transaction can still read erased rows: a vacuum would leave those alone."""
    now = "SELECT CAST(CAST(pg_current_xact_id() AS xid) AS text)"
    ours = (await connection.execute(text(now))).scalar_one()
    older = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() "
        "AND age(backend_xmin) >= age(CAST(CAST(:ours AS text) AS xid))"
    ).bindparams(ours=ours)
    for _ in range(PATIENCE // POLL):
        if not (await connection.execute(older)).scalar_one():
            return
        await asyncio.sleep(POLL.total_seconds())
    raise StoreUnavailable("the database is in use: a long transaction may still read the rows")


async def empty_log(store: Store) -> bool:
    """Empty SQLite's log, which holds former contents of rows; the file itself no longer does.

    Every connection overwrites what it deletes (`store.engine`). On PostgreSQL nothing is done: its
    vacuum reclaims the space.

    Args:
        store: the open store; the caller has no open transaction.

    Returns:
        False if somebody reads or writes at this moment: try again later.
    """
    if store.engine.dialect.name != "sqlite":
        return True
    async with store.engine.connect() as connection:  # and no transaction
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await driver.execute_fetchall("PRAGMA busy_timeout=0")
        try:
            rows = await driver.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError:  # somebody writes
            return False
        finally:
            await driver.execute_fetchall(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    return not any(row[0] for row in rows)


async def _rewrite_sqlite(store: Store) -> None:
    async with store.engine.connect() as connection:  # and no transaction
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await driver.execute_fetchall(f"PRAGMA busy_timeout={PATIENCE // MILLISECOND}")
        try:
            await driver.execute_fetchall("VACUUM")
            rows = await driver.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError as error:
            raise StoreUnavailable(f"the database's file cannot be rewritten: {error}") from None
        finally:
            await driver.execute_fetchall(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    if any(row[0] for row in rows):
        raise StoreUnavailable("the database is in use: its log cannot be emptied")
