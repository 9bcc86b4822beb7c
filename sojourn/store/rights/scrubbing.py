"""Scrub the database's files: what a row held is still there after the row is gone.

SQLite's file is rewritten without it, and its log is emptied. PostgreSQL reclaims the space of dead
rows, and writes over it in its own time; `rewrite` has the tables written afresh at once, and locks
them meanwhile.
"""

import asyncio
import sqlite3
from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from sojourn.domain.errors import StoreUnavailable
from sojourn.store import Store
from sojourn.store.engine import BUSY_TIMEOUT_MS
from sojourn.store.rights.holdings import HOLDINGS
from sojourn.store.rights.register import Find

TABLES = (*(name for name, one in HOLDINGS.items() if one.find is not Find.NOBODY), "erasures")
POLL, PATIENCE = timedelta(seconds=0.2), timedelta(seconds=10)
"""For so long other work is waited for."""
MILLISECOND = timedelta(milliseconds=1)


async def scrub(store: Store, tables: Iterable[str] = TABLES, *, rewrite: bool = False) -> None:
    """Take what was erased out of the database's files, as far as the database can.

    Args:
        store: open; no transaction of the caller's is.
        tables: that had rows of the person.
        rewrite: on PostgreSQL, write the tables afresh. Nobody reads or writes them meanwhile.

    Raises:
        StoreUnavailable: somebody else uses the database at this moment; try again.
    """
    if store.engine.dialect.name == "sqlite":
        await _rewrite_sqlite(store)
        return
    bare = store.engine.execution_options(isolation_level="AUTOCOMMIT")
    how = "VACUUM (FULL)" if rewrite else "VACUUM"
    async with bare.connect() as connection:
        await _outlive_readers(connection)
        for table in tables:
            await connection.execute(text(f'{how} "{table}"'))


async def _outlive_readers(connection: AsyncConnection) -> None:
    """Wait until no transaction may still read what was erased: a vacuum leaves that alone."""
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
