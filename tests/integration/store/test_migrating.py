"""The schema only grows: code of the former release runs on it, and can take over again."""

import asyncio
import re

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlmodel import SQLModel

from sojourn.domain.errors import StoreUnavailable
from sojourn.store import Store, cards, engine, events, migrating
from sojourn.store.migrating import Standing, Version
from tests.support.cli_stack import Cli
from tests.support.rows import event_row

ALLOWED = (
    "CREATE TABLE ",
    "CREATE INDEX ",
    "CREATE UNIQUE INDEX ",
    "ALTER TABLE ",
    "CREATE FUNCTION ",
    "CREATE TRIGGER ",
    "INSERT INTO ",
)


def _later() -> list[str]:
    """Return the migrations that the promise holds for."""
    return [script.revision for script in migrating._due(migrating.PROMISED)]


def test_the_names_of_the_files_are_the_versions_that_alembic_knows() -> None:
    assert migrating._known() == {script.revision for script in migrating._walk()}
    assert migrating.head() == migrating._directory().get_current_head()


@pytest.mark.parametrize("revision", _later())
def test_a_migration_only_adds(revision: str) -> None:
    """The former release must be able to read and write what there is then."""
    script = migrating._directory().get_revision(revision)
    assert script is not None
    if migrating.contracts_of(script):
        return
    new: set[str] = set()
    for statement in migrating.statements(script):
        assert statement.startswith(ALLOWED), statement
        words = statement.replace("(", " ").split()
        match words[:2]:
            case ["CREATE", "TABLE"]:
                new.add(words[2])
            case ["CREATE", "INDEX"]:
                # an index of a table in use would lock it: it stands in store/tables alone, and
                # `sojourn migrate` builds it beside the running work
                assert words[4] in new, statement
            case ["CREATE", "UNIQUE"]:
                assert words[5] in new, statement  # the former release writes no such table
            case ["CREATE", "FUNCTION" | "TRIGGER"]:
                # the former release's writes go through it, too: it adds rows of a new table alone
                changed = re.findall(r"(?:INSERT INTO|DELETE FROM|BEGIN UPDATE) (\w+)", statement)
                assert set(changed) <= {"marks", *new}, statement
            case ["INSERT", "INTO"]:
                assert words[2] in new, statement
            case _ if words[3] == "SET":  # of the disk: it locks nobody out
                assert re.search(r" SET \((fillfactor|autovacuum_)", statement), statement
            case _:
                assert words[3:5] == ["ADD", "COLUMN"], statement
                assert "NOT NULL" not in statement or "DEFAULT" in statement, statement


def _alembic(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrating.MIGRATIONS))
    config.attributes["connection"] = connection
    return config


async def _as_the_promise_left_it(url: str) -> None:
    """Put a database back to the version of the former release, which knows one table alone."""
    opened = await Store.open(url, migrate=True)

    def back(connection: Connection) -> None:
        command.downgrade(_alembic(connection), migrating.PROMISED)
        connection.exec_driver_sql("DROP TABLE schema_version")

    async with opened.engine.begin() as connection:
        await connection.run_sync(back)
    await opened.close()


async def _version(url: str) -> Version:
    bare = engine._engine(engine._url(url), 1)
    async with bare.connect() as connection:
        found = await connection.run_sync(migrating.version)
    await bare.dispose()
    return found


async def test_a_database_of_the_former_release_grows_and_still_serves_it(
    database_url: str,
) -> None:
    await _as_the_promise_left_it(database_url)
    assert await _version(database_url) == Version("0006", "0006")
    with pytest.raises(StoreUnavailable, match=r"at version 0006.*run `sojourn migrate`"):
        await Store.open(database_url)
    await (await Store.open(database_url, migrate=True)).close()
    # the former release looks at the second number alone
    assert await _version(database_url) == Version(migrating.head(), migrating.floor())
    assert migrating.floor() == "0006"


async def test_a_database_that_has_grown_since_serves_this_code(database_url: str) -> None:
    opened = await Store.open(database_url, migrate=True)
    async with opened.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE schema_version SET version_num = '9998'")
    await opened.close()
    assert (await _version(database_url)).standing is Standing.NEWER
    for migrate in (False, True):  # there is nothing that this code could do to it
        opened = await Store.open(database_url, migrate=migrate)
        async with opened.reading() as session:
            assert await cards.find(session, "nobody") is None
        await opened.close()
    assert (await _version(database_url)).actual == "9998"


async def test_a_database_that_no_longer_serves_this_code_is_refused(database_url: str) -> None:
    opened = await Store.open(database_url, migrate=True)
    async with opened.engine.begin() as connection:
        for table in ("schema_version", "alembic_version"):
            await connection.exec_driver_sql(f"UPDATE {table} SET version_num = '9998'")
    await opened.close()
    with pytest.raises(StoreUnavailable, match="at version 9998, this code needs"):
        await Store.open(database_url)
    with pytest.raises(StoreUnavailable, match="made by a newer Sojourn"):
        await Store.open(database_url, migrate=True)


# ---- indexes -------------------------------------------------------------------------------


async def test_an_index_that_is_missing_or_broken_is_built(database_url: str) -> None:
    opened = await Store.open(database_url, migrate=True)
    postgresql = opened.engine.dialect.name == "postgresql"
    async with opened.engine.begin() as connection:
        await connection.exec_driver_sql("DROP INDEX ix_events_customer")
        if postgresql:  # as a building that was broken off leaves it
            await connection.exec_driver_sql(
                "UPDATE pg_index SET indisvalid = false "
                "WHERE indexrelid = 'ix_consents_customer'::regclass"
            )
    _, missing = await opened.due()
    assert missing == ["ix_events_customer of events"]
    await opened.close()
    opened = await Store.open(database_url, migrate=True)
    async with opened.engine.connect() as connection:
        assert await connection.run_sync(migrating.missing_indexes) == []
        if postgresql:
            assert await connection.run_sync(migrating._broken_indexes) == []
    await opened.close()


async def test_an_index_is_built_while_others_write(copied_postgresql: str) -> None:
    opened = await Store.open(copied_postgresql)
    async with opened.engine.connect() as connection:
        (index,) = (
            one
            for one in SQLModel.metadata.tables["ledger"].indexes
            if one.name == "ix_ledger_words"
        )
        written = migrating.concurrently(index, connection.sync_connection)
    await opened.close()
    assert written.startswith("CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_ledger_words ON ledger")
    assert "detail <> ''" in written


async def test_an_index_that_no_query_needs_any_more_is_dropped(migrated_url: str) -> None:
    opened = await Store.open(migrated_url)
    async with opened.engine.begin() as connection:
        await connection.exec_driver_sql("CREATE INDEX ix_contents_address ON contents (address)")
        assert await connection.run_sync(migrating.retired_indexes) == ["ix_contents_address"]
    await opened.close()
    opened = await Store.open(migrated_url, migrate=True)
    async with opened.engine.connect() as connection:
        left = await connection.run_sync(migrating.retired_indexes)
    await opened.close()
    assert left == []


async def test_what_waited_before_is_found_after(database_url: str) -> None:
    opened = await Store.open(database_url, migrate=True)
    waits, told = event_row("ada"), event_row("ada")
    waits.routed_at, told.routed_at = None, told.received_at
    async with opened.transaction() as session:
        session.add_all([waits, told])
    async with opened.engine.begin() as connection:
        await connection.run_sync(lambda sync: command.downgrade(_alembic(sync), "0060"))
        again = await connection.run_sync(migrating.retired_indexes)
        assert "ix_events_unrouted" in again, "former code has its index again"
        await connection.exec_driver_sql("UPDATE schema_version SET version_num = '0060'")
    await opened.close()
    opened = await Store.open(database_url, migrate=True)
    async with opened.reading() as session:
        found = await events.unrouted(session, ["ada"])
    await opened.close()
    assert [row.message_id for row in found["ada"]] == [waits.message_id]


# ---- locks ---------------------------------------------------------------------------------


async def test_a_migration_gives_way_to_running_work_and_tries_again(
    postgres: object, copied_postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _as_the_promise_left_it(copied_postgresql)
    monkeypatch.setattr(migrating, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(migrating, "LOCK_TIMEOUT_MS", 50)
    working = engine._engine(engine._url(copied_postgresql), 2)
    async with working.connect() as connection:
        await connection.exec_driver_sql("SELECT * FROM events")  # its transaction goes on
        for table in ("ledger", "consents", "runs", "customers", "contents", "write_keys"):
            await connection.exec_driver_sql(f"SELECT * FROM {table} LIMIT 1")
        with monkeypatch.context() as patch:
            patch.setattr(migrating, "TRIES", 2)
            with pytest.raises(StoreUnavailable, match=r"could not lock a table.*migrate` again"):
                await Store.open(copied_postgresql, migrate=True)
        assert (await _version(copied_postgresql)).actual == "0006"
        waiting = asyncio.create_task(Store.open(copied_postgresql, migrate=True))
        async with working.begin() as other:  # nobody queues behind the migration for long
            await other.exec_driver_sql("SELECT * FROM events")
        await connection.rollback()
        await (await waiting).close()
    await working.dispose()
    assert (await _version(copied_postgresql)).standing is Standing.READY


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            "ALTER TABLE events ADD COLUMN aside_at TIMESTAMP WITH TIME ZONE",
            "events for a moment: it gets the column aside_at, and no row is rewritten",
        ),
        ("CREATE TABLE tickets (id BIGSERIAL)", "tickets is new: nothing in use is locked"),
        ("CREATE INDEX ix_a ON events (a)", "events against writing, while ix_a is built"),
        ("ALTER TABLE events DROP COLUMN name", "events against reading and writing"),
        ('UPDATE "events" SET a = 1', "rows of events, until it is done"),
        ("VACUUM", "VACUUM"),
    ],
)
def test_it_is_said_what_a_statement_locks(statement: str, words: str) -> None:
    assert migrating.in_words(statement) == words


# ---- the command ---------------------------------------------------------------------------


@pytest.fixture
async def former(offline: Cli) -> Cli:
    await _as_the_promise_left_it(offline.sojourn.settings.store_url)
    return offline


@pytest.fixture
def contracting(monkeypatch: pytest.MonkeyPatch) -> str:
    """Let the newest migration take something away."""
    script = migrating._directory().get_revision("head")
    assert script is not None
    said = "workers that still write the column price fail"
    monkeypatch.setattr(script.module, "CONTRACTS", said, raising=False)
    return script.revision


async def test_the_command_says_beforehand_what_it_locks_and_that_there_is_a_way_back(
    former: Cli,
) -> None:
    told = await former("migrate", "--plan")
    assert told.code == 0
    for revision in _later():
        assert revision in told.out
    assert "locks the whole file" in told.out
    assert "the former release goes on running on it" in told.out
    url = former.sojourn.settings.store_url
    assert (await _version(url)).actual == "0006"
    done = await former("migrate")
    assert done.out.startswith(told.out)
    assert (await _version(url)).standing is Standing.READY


async def test_what_cannot_be_taken_back_is_said_and_not_done_unasked(
    former: Cli, contracting: str
) -> None:
    told = await former("migrate")
    assert told.code == 2
    assert "cannot be taken back: workers that still write the column price fail" in told.out
    assert f"{contracting} cannot be taken back: stop every older worker" in told.err
    assert "goes on running" not in told.out
    url = former.sojourn.settings.store_url
    assert await _version(url) == Version("0006", "0006")
    assert (await former("migrate", "--contract")).code == 0
    assert await _version(url) == Version(contracting, contracting)


async def test_an_empty_database_needs_no_permission(
    offline: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOJOURN_DATABASE_URL", f"sqlite:///{offline.home}/fresh.db")
    told = await offline("migrate")
    assert told.code == 0
    assert told.out.endswith(f"the database is at version {migrating.head()}\n")
