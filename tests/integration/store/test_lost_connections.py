"""A connection that PostgreSQL has closed is found out before it is used."""

import asyncpg
import pytest
from sqlalchemy import text

from sojourn.store import Store, engine


async def test_a_connection_is_asked_after_a_pause(
    copied_postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "PAUSE_SECONDS", 0)
    async with await Store.open(copied_postgresql) as store:
        async with store.reading() as session:
            await session.exec(text("SELECT 1"))  # type: ignore[call-overload]
        other = await asyncpg.connect(copied_postgresql)
        await other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await other.close()
        async with store.reading() as session:
            found = await session.exec(text("SELECT 2"))  # type: ignore[call-overload]
            assert found.all() == [(2,)]
