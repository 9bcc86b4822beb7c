"""The database: one history for both kinds, errors in one line, moments as they were."""

import asyncio
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timezone
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, delete
from sqlalchemy.exc import IntegrityError, StatementError
from sqlmodel import SQLModel, col, select

from sojourn.domain.errors import BadSetting, StoreUnavailable
from sojourn.store import (
    Store,
    attempts,
    cards,
    engine,
    events,
    joining,
    migrating,
    people,
)
from sojourn.store.tables import EventRow, RunRow, ToRouteRow
from tests.support.rows import HOUR, NOON, claimed, event_row, keep, row_of, submit


# SQLite cannot show an index of lower(email); PostgreSQL compares it
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection:sqlalchemy.exc.SAWarning")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified:UserWarning")
async def test_the_migrations_make_the_tables_of_the_code(store: Store) -> None:
    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, SQLModel.metadata))

    async with store.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_what_is_to_be_routed_stands_in_a_table_of_its_own(migrated_url: str) -> None:
    async def waits(opened: Store) -> list[tuple[int, str]]:
        async with opened.reading() as session:
            rows = (await session.exec(select(ToRouteRow).order_by(col(ToRouteRow.seq)))).all()
            return [(row.seq, row.customer_id) for row in rows]

    async with await Store.open(migrated_url) as opened:
        rows = []
        for _ in range(4):
            row = event_row("ada")
            row.routed_at = None
            rows.append(row)
        done = event_row("ada")
        done.routed_at = done.received_at
        async with opened.transaction() as session:
            session.add_all([*rows, done])
        first, second, third, fourth = [row.seq or 0 for row in rows]
        every = [(one, "ada") for one in (first, second, third, fourth)]
        assert await waits(opened) == every
        async with opened.transaction() as session:
            await events.mark_routed(session, [first], done.received_at)
            await events.set_aside(session, [second], done.received_at)
        assert await waits(opened) == every[2:]
        async with opened.transaction() as session:
            await events.mark_routed(session, [first], None)
            await session.exec(delete(EventRow).where(col(EventRow.seq) == third))
            await joining.join(session, "ada", "eve", at=done.received_at)
        assert await waits(opened) == [(first, "eve"), (fourth, "eve")]


async def test_an_empty_database_is_migrated_once(database_url: str) -> None:
    for _ in range(2):
        opened = await Store.open(database_url, migrate=True)
        async with opened.reading() as session:
            assert await cards.find(session, "nobody") is None
        await opened.close()


async def test_a_hand_over_from_before_there_were_attempts_becomes_an_attempt(
    database_url: str,
) -> None:
    opened = await Store.open(database_url, migrate=True)
    ledger_id = await claimed(opened, "c42")
    assert await submit(opened, ledger_id, 1)

    def there_and_back(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(migrating.MIGRATIONS))
        config.attributes["connection"] = connection
        for version in ("0002", "0003", "0002"):
            (command.upgrade if version == "0003" else command.downgrade)(config, version)

    async with opened.engine.begin() as connection:
        await connection.run_sync(there_and_back)
    await opened.close()
    opened = await Store.open(database_url, migrate=True)
    async with opened.reading() as session:
        (attempt,) = await attempts.unresolved(session, ledger_id)
    row = await row_of(opened, ledger_id)
    await opened.close()
    assert (attempt.state, attempt.provider, attempt.attempt) == ("submitting", "outbox", 1)
    assert (attempt.submitted_at, attempt.journey_at) == (row.submitted_at, row.decided_at)


async def test_a_session_that_outlives_the_store_closes_its_connection(
    database_url: str,
) -> None:
    store = await Store.open(database_url, migrate=True)
    async with store.reading() as session:
        driver = (await (await session.connection()).get_raw_connection()).driver_connection
        assert driver is not None
        await store.close()
        assert (await session.exec(select(RunRow))).all() == []
    with pytest.raises((ValueError, asyncpg.InterfaceError), match=r"closed|no active"):
        await driver.execute("SELECT 1")


async def _made_and_failed(store: Store, customer_id: str) -> None:
    async with store.transaction(brief=True) as session:
        await people.lock(session, customer_id)
        raise ZeroDivisionError


async def test_a_brief_look_leaves_the_next_transaction_whole(
    migrated_url: str, customer_id: str
) -> None:
    async with await Store.open(migrated_url, pool_size=1) as store:
        async with store.reading(brief=True) as session:
            assert await people.resolve(session, customer_id) == customer_id
        with pytest.raises(ZeroDivisionError):
            await _made_and_failed(store, customer_id)
        async with store.reading(brief=True) as session:
            assert await people.find(session, customer_id) == (customer_id, None)
        async with store.transaction() as session:
            await people.lock(session, customer_id)
        async with store.reading(brief=True) as session:
            _, card = await people.find(session, customer_id)
            assert card is not None
            assert (card.joined_to, card.email) == (None, "")


async def test_a_second_migration_waits_and_finds_the_first_done(database_url: str) -> None:
    first = engine._engine(engine._url(database_url), 1)
    async with first.begin() as connection:
        await connection.run_sync(migrating.upgrade)
        second = asyncio.create_task(Store.open(database_url, migrate=True))
        await asyncio.sleep(0.1)
        assert not second.done()
    await (await second).close()
    await first.dispose()


async def test_a_store_opens_beside_a_long_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sojourn.store.engine.BUSY_TIMEOUT_MS", 50)
    url = f"sqlite+aiosqlite:///{tmp_path}/sojourn.db"
    async with (
        await Store.open(url, migrate=True) as store,
        store.transaction() as session,
    ):
        await session.exec(delete(EventRow))  # it writes from here on
        other = await Store.open(url)
        assert await other.due() == ([], [])
        await other.close()


async def test_an_empty_postgresql_is_migrated_only_on_request(database_url: str) -> None:
    if database_url.startswith("sqlite"):
        await (await Store.open(database_url)).close()  # a local file is made ready
    else:
        with pytest.raises(StoreUnavailable, match=r"at version none.*run `sojourn migrate`"):
            await Store.open(database_url)


async def _of_version(url: str, version: str) -> None:
    opened = await Store.open(url, migrate=True)
    async with opened.engine.begin() as connection:
        await connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{version}'")
    await opened.close()


async def test_a_database_of_another_version_is_refused(database_url: str) -> None:
    await _of_version(database_url, "0000")
    with pytest.raises(StoreUnavailable, match="at version 0000, this code needs") as refused:
        await Store.open(database_url)
    assert "\n" not in str(refused.value)


async def test_a_database_of_a_newer_version_is_not_migrated(database_url: str) -> None:
    await _of_version(database_url, "9999")
    with pytest.raises(StoreUnavailable, match="made by a newer Sojourn") as refused:
        await Store.open(database_url, migrate=True)
    assert "\n" not in str(refused.value)


def _folder(path: Path) -> str:
    return f"sqlite:///{path}"


def _text_file(path: Path) -> str:
    (path / "notes.db").write_text("milk, eggs, bread\n" * 100)
    return f"sqlite:///{path}/notes.db"


def _below_a_file(path: Path) -> str:
    (path / "file").touch()
    return f"sqlite:///{path}/file/sojourn.db"


def _torn_file(path: Path) -> str:
    shutil.copy(path / "whole.db", path / "torn.db")
    with (path / "torn.db").open("r+b") as file:
        file.write(b"SQLite format 3\0" + b"\xff" * 2000)
    return f"sqlite:///{path}/torn.db"


@pytest.mark.parametrize("spoil", [_folder, _text_file, _below_a_file, _torn_file])
async def test_a_file_that_is_no_database_is_one_clear_line(
    tmp_path: Path, migrated_database: Path, spoil: Callable[[Path], str]
) -> None:
    shutil.copy(migrated_database, tmp_path / "whole.db")
    url = spoil(tmp_path)
    with pytest.raises(StoreUnavailable, match=str(tmp_path)) as refused:
        await Store.open(url, migrate=True)
    assert "\n" not in str(refused.value)


async def test_a_postgresql_that_is_not_there_is_one_clear_line() -> None:
    with pytest.raises(StoreUnavailable, match="cannot open the database") as refused:
        await Store.open("postgresql://me:hunter2@127.0.0.1:1/shop")
    assert "hunter2" not in str(refused.value)
    assert "\n" not in str(refused.value)


async def test_a_postgresql_without_our_database_or_user_is_one_clear_line(
    database_url: str,
) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("SQLite has neither")
    server, _, _ = database_url.rpartition("/")
    for url in (f"{server}/elsewhere", database_url.replace("sojourn@", "stranger@")):
        with pytest.raises(StoreUnavailable, match="cannot open the database") as refused:
            await Store.open(url)
        assert "\n" not in str(refused.value)


async def test_an_option_the_driver_does_not_know_is_one_clear_line() -> None:
    with pytest.raises(BadSetting, match="sslmode") as refused:
        await Store.open("postgresql://me@127.0.0.1:1/shop?sslmode=require")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["", "shop.db", "mysql://me:hunter2@db/shop", "postgresql://me:hunter2@db:port/shop",
     "postgres//me:hunter2@db/shop"],
)  # fmt: skip
async def test_a_wrong_url_is_one_clear_line_without_its_password(url: str) -> None:
    with pytest.raises(BadSetting, match="SOJOURN_DATABASE_URL") as refused:
        await Store.open(url)
    assert "hunter2" not in str(refused.value)
    assert "\n" not in str(refused.value)


async def test_errors_of_the_database_do_not_quote_what_was_being_written(
    store: Store, customer_id: str
) -> None:
    """Logs and the failures that Temporal keeps have the text of errors."""
    kept, _ = await keep(store, event_row(customer_id))
    twice = event_row(
        customer_id, message_id=kept.message_id, properties={"email": "ada@shop.example"}
    )

    async def write() -> None:
        async with store.transaction() as session:
            session.add(twice)

    with pytest.raises(IntegrityError, match="events") as raised:
        await write()
    assert "ada@shop.example" not in str(raised.value)


# ---- moments -------------------------------------------------------------------------------


async def test_moments_come_back_in_utc_to_the_microsecond(store: Store, customer_id: str) -> None:
    rome = datetime(2024, 7, 1, 14, 30, 5, 123456, tzinfo=timezone(2 * HOUR))
    async with store.transaction() as session:
        kept, _ = await events.add(session, event_row(customer_id, at=rome))
    async with store.reading() as session:
        found = await events.find(session, kept.message_id)
    assert found is not None
    assert found.occurred_at == rome
    assert found.occurred_at.tzinfo is UTC


async def test_a_naive_moment_is_refused(store: Store, customer_id: str) -> None:
    with pytest.raises(StatementError, match="no time zone"):
        async with store.transaction() as session:
            await events.add(session, event_row(customer_id, at=NOON.replace(tzinfo=None)))
