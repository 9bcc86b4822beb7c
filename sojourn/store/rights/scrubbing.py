"""Scrub the database's files: what a row held is still there after the row is gone.

SQLite's file is rewritten without it, and its log is emptied. PostgreSQL reclaims the space of dead
rows, and writes over it in its own time; `rewrite` has the tables written afresh at once, and locks
them meanwhile.
"""

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from sojourn.domain.errors import StoreUnavailable
from sojourn.store import Store
from sojourn.store.rights.holdings import HOLDINGS
from sojourn.store.rights.register import Find

TABLES = (*(name for name, one in HOLDINGS.items() if one.find is not Find.NOBODY), "erasures")


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
        for table in tables:
            await connection.execute(text(f'{how} "{table}"'))


async def _rewrite_sqlite(store: Store) -> None:
    raw = await store.engine.raw_connection()
    try:
        driver = raw.driver_connection
        assert driver is not None
        await driver.execute("VACUUM")
        rows = await driver.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
        busy = any(row[0] for row in rows)
    except OperationalError as error:
        raise StoreUnavailable(f"the database is in use: {error.orig}") from None
    finally:
        raw.close()
    if busy:
        raise StoreUnavailable("the database is in use: its log could not be emptied")
