"""The database's files are freed of what was erased; while they are in use, it is tried again."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from sojourn.domain.errors import StoreUnavailable
from sojourn.store import Store
from sojourn.store.rights import erasures, scrubbing
from sojourn.store.tables import ErasureRow
from tests.integration.store.test_erasing import erase, finish
from tests.support.rows import identify

SOON = timedelta(milliseconds=20)


async def kept(store: Store, number: int | None) -> ErasureRow:
    async with store.reading() as session:
        return await session.get_one(ErasureRow, number)


async def test_files_in_use_are_freed_later_and_the_row_says_so(
    store: Store, customer_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scrubbing, "PATIENCE", SOON)
    monkeypatch.setattr(scrubbing, "POLL", SOON)
    await identify(store, customer_id, 0, email="ada@shop.example")
    row = await erase(store, customer_id)
    assert await finish(store, row.id)
    sqlite = store.engine.dialect.name == "sqlite"
    async with store.transaction() as session:  # somebody is at work
        await session.exec(text("SELECT 1") if sqlite else text("SELECT pg_current_xact_id()"))  # type: ignore[call-overload]
        with pytest.raises(StoreUnavailable, match="the database"):
            await scrubbing.scrub(store)
    async with store.transaction() as session:
        await erasures.note_unscrubbed(session, "the database is in use")
    told = await kept(store, row.id)
    assert (told.scrubbed_at, told.fault, told.tries) == (None, "the database is in use", 1)
    assert told.finished_at is not None
    assert told.scrub_after is not None
    assert told.scrub_after > datetime.now(UTC)
    assert row.id in await shown(store, everything=False)
    async with store.transaction() as session:  # one that was finished too late for this pass
        await erasures.note_scrubbed(session, told.finished_at - SOON)
    assert (await kept(store, row.id)).scrubbed_at is None
    await scrubbing.scrub(store)
    async with store.transaction() as session:
        await erasures.note_scrubbed(session, told.finished_at)
    told = await kept(store, row.id)
    assert told.scrubbed_at is not None
    assert (told.fault, told.scrub_after) == (None, None)
    assert row.id not in await shown(store, everything=False)
    assert row.id in await shown(store, everything=True)


async def shown(store: Store, *, everything: bool) -> list[int | None]:
    async with store.reading() as session:
        return [one.id for one in await erasures.listed(session, everything=everything, limit=99)]
