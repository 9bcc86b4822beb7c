"""SQLite's driver: one trip a statement, and nothing lost by it."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.store import Store
from sojourn.store.engine import BUSY_TIMEOUT_MS


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return what is handed to the threads of connections."""
    made: list[object] = []
    driver: Any = aiosqlite.Connection
    to_thread = driver._execute

    async def noted(self: object, function: object, *args: object, **more: object) -> object:
        made.append(function)
        return await to_thread(self, function, *args, **more)

    monkeypatch.setattr(driver, "_execute", noted)
    return made


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/trips.db"


async def run(session: AsyncSession, words: str, **values: object) -> Any:
    return await session.exec(text(words), params=values)  # type: ignore[call-overload]


async def test_a_statement_takes_one_trip(url: str, trips: list[object]) -> None:
    async with await Store.open(url, check=False) as store:
        async with store.transaction() as session:
            await run(session, "CREATE TABLE things (name TEXT PRIMARY KEY)")
        trips.clear()
        async with store.transaction() as session:
            added = await run(session, "INSERT INTO things VALUES ('a'), ('b')")
            assert added.rowcount == 2
            assert (await run(session, "SELECT name FROM things")).all() == [("a",), ("b",)]
            assert (await run(session, "DELETE FROM things")).rowcount == 2
        assert len(trips) == 5  # with BEGIN and COMMIT; the pool has nothing to roll back
        trips.clear()
        async with store.reading() as session:
            await run(session, "SELECT name FROM things")
        assert len(trips) == 3  # with BEGIN, and a rollback


async def test_a_brief_transaction_takes_one_trip(url: str, trips: list[object]) -> None:
    async with await Store.open(url, check=False) as store:
        async with store.transaction() as session:
            await run(session, "CREATE TABLE things (name TEXT PRIMARY KEY)")
        trips.clear()
        async with store.transaction(brief=True) as session:
            added = await run(session, "INSERT INTO things VALUES ('a'), ('b')")
            assert added.rowcount == 2
            assert (await run(session, "SELECT name FROM things")).all() == [("a",), ("b",)]
            assert (await run(session, "PRAGMA busy_timeout")).one() == (BUSY_TIMEOUT_MS,)
        assert len(trips) == 1  # COMMIT
        trips.clear()
        async with store.reading(brief=True) as session:
            await run(session, "SELECT name FROM things")
        assert trips == []
        async with store.transaction() as session:  # on the same connection
            await run(session, "DELETE FROM things")
        assert len(trips) == 3


async def test_a_brief_transaction_waits_for_a_writer_in_its_thread(
    url: str, tmp_path: Path
) -> None:
    async with await Store.open(url, check=False) as store:
        async with store.transaction() as session:
            await run(session, "CREATE TABLE things (name TEXT PRIMARY KEY)")
        other = sqlite3.connect(tmp_path / "trips.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        async def write() -> None:
            async with store.transaction(brief=True) as session:
                await run(session, "INSERT INTO things VALUES ('a')")

        writing = asyncio.create_task(write())
        await asyncio.wait([writing], timeout=0.1)  # the loop goes on, and the writer waits
        assert not writing.done()
        other.execute("COMMIT")
        await writing
        assert other.execute("SELECT * FROM things").fetchall() == [("a",)]
        other.close()


@pytest.mark.parametrize("brief", [False, True])
async def test_an_error_is_told_and_undone(url: str, brief: bool) -> None:
    async with await Store.open(url, check=False) as store:
        async with store.transaction() as session:
            await run(session, "CREATE TABLE things (name TEXT PRIMARY KEY)")

        async def twice() -> None:
            async with store.transaction(brief=brief) as session:
                await run(session, "INSERT INTO things VALUES ('a')")
                await run(session, "INSERT INTO things VALUES ('a')")

        with pytest.raises(IntegrityError):
            await twice()

        async def elsewhere() -> None:
            async with store.reading() as session:
                await run(session, "SELECT * FROM others")

        with pytest.raises(OperationalError, match="no such table: others"):
            await elsewhere()
        async with store.reading() as session:
            assert (await run(session, "SELECT * FROM things")).all() == []


@pytest.mark.parametrize("brief", [False, True])
async def test_who_stops_waiting_leaves_no_transaction_behind(
    url: str, tmp_path: Path, brief: bool
) -> None:
    async with await Store.open(url, check=False) as store:
        async with store.transaction() as session:
            await run(session, "CREATE TABLE things (name TEXT PRIMARY KEY)")

        async def write() -> None:
            async with store.transaction(brief=brief) as session:
                await run(session, "INSERT INTO things VALUES ('a')")

        other = sqlite3.connect(tmp_path / "trips.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(write())
        await asyncio.sleep(0.1)  # its BEGIN waits in the thread by now; if not, it never begins
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        other.execute("COMMIT")
        for name in ("b", "c"):  # by another process, then by the same store
            other.execute("INSERT INTO things VALUES (?)", [name])
            async with store.transaction(brief=brief) as session:
                await run(session, "INSERT INTO things VALUES (:name)", name=name + name)
        other.close()
        async with store.reading() as session:
            found = await run(session, "SELECT name FROM things ORDER BY name")
            assert found.all() == [("b",), ("bb",), ("c",), ("cc",)]
