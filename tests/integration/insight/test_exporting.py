"""An export has what the store has: every row once, in its newest state, and nothing personal."""

import asyncio
import json
import random
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import duckdb
import pytest
import pytest_asyncio
from sqlmodel import SQLModel, select

from sojourn.domain.errors import BadInput, Unavailable
from sojourn.domain.events import SHIPPED
from sojourn.insight.exporting.export import Exported, export, target_of
from sojourn.insight.exporting.reading import properties_of
from sojourn.insight.exporting.schema import STREAMS, Stream
from sojourn.insight.measuring import Measuring, Source
from sojourn.store import Store
from sojourn.store.changes import TABLE_OF
from sojourn.store.rights import erasing
from sojourn.store.rights.holdings import HOLDINGS
from sojourn.store.rights.register import Part
from sojourn.store.tables import ExposureRow
from tests.integration.store.test_export import lived
from tests.support.measured import GOALS, WINDOWS, Shop
from tests.support.postgres import Postgres
from tests.support.rows import NOON

TABLES = SQLModel.metadata.tables
SOURCES = {name: Source(frozenset(some), WINDOWS[name]) for name, some in GOALS.items()}
Rows = dict[str, set[tuple[Any, ...]]]
WATCHED = {
    "messages": "id customer_id state reason variant",
    "reports": "id message kind machine",
    "events": "id customer_id name",
    "runs": "id customer_id journey",
    "conversions": "id message event value_millionths",
    "assignments": "id customer_id variant",
}
"""Columns that an independent reading is compared by."""


@pytest_asyncio.fixture(loop_scope="session")
async def alone(migrated_url: str) -> AsyncIterator[Store]:
    """Open a store that is all this test's."""
    store = await Store.open(migrated_url)
    yield store
    await store.close()


async def exported(store: Store, to: object, *, page: int = 40, **options: Any) -> Exported:
    target = target_of(str(to))
    try:
        return await export(Measuring(store, SOURCES), target, SHIPPED, page=page, **options)
    finally:
        await target.close()


async def held(store: Store) -> Rows:
    """Return what the store has, read without the export."""
    found: Rows = {}
    async with store.reading() as session:
        for name, columns in WATCHED.items():
            stream = STREAMS[name]
            ours = {one.name: one.of for one in stream.columns}
            table = TABLES[TABLE_OF[stream.kind]]
            number = next(iter(table.primary_key.columns))
            query = select(number, *(table.c[ours[one]] for one in columns.split()[1:]))
            found[name] = {tuple(row) for row in (await session.exec(query)).all()}
    return found


def read(query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        return connection.execute(query).fetchall()


def in_folder(folder: Path) -> Rows:
    """Return what is in a folder of Parquet, as docs/export.md says that it is read."""
    found: Rows = {}
    for name, columns in WATCHED.items():
        if not list((folder / name).glob("*.parquet")):
            found[name] = set()
            continue
        rows = read(
            f"SELECT {', '.join(columns.split())} FROM read_parquet('{folder}/{name}/*.parquet')"
            " QUALIFY row_number() OVER (PARTITION BY id ORDER BY seq DESC) = 1 AND NOT gone"
        )
        assert len(set(rows)) == len(rows)
        found[name] = set(rows)
    return found


async def in_tables(to: str) -> Rows:
    """Return what is in the tables of a DuckDB file or of PostgreSQL."""
    if to.startswith("duckdb:"):
        with duckdb.connect(to.removeprefix("duckdb:"), read_only=True) as file:
            return {
                name: set(file.sql(f"SELECT {', '.join(columns.split())} FROM {name}").fetchall())
                for name, columns in WATCHED.items()
            }
    connection = await asyncpg.connect(to)
    try:
        return {
            name: {
                tuple(row)
                for row in await connection.fetch(
                    f"SELECT {', '.join(columns.split())} FROM sojourn.{name}"
                )
            }
            for name, columns in WATCHED.items()
        }
    finally:
        await connection.close()


def no_number_twice(folder: Path) -> None:
    """See to it that no change is in two files, and that each file holds what its name says."""
    seen: set[int] = set()
    for name in STREAMS:
        for file in (folder / name).glob("*.parquet"):
            first, last = map(int, file.stem.split("-"))
            seqs = [row[0] for row in read(f"SELECT seq FROM '{file}'")]
            assert all(first <= seq <= last for seq in seqs)
            assert seen.isdisjoint(seqs)
            seen.update(seqs)


async def assigned(store: Store, number: int) -> None:
    row = ExposureRow(
        experiment="tone", customer_id=f"u{number % 4}", variant="warm", at=NOON, workflow_id="w"
    )
    async with store.transaction() as session:
        session.add(row)


async def same(store: Store, found: Rows) -> None:
    """See to it that an export has what the store has.

    A message that is being handed over has the state that it had before.
    """
    ours = await held(store)
    moving = {one[0] for one in ours["messages"] if one[2] in ("claimed", "submitting")}
    assert {one[0] for one in found["messages"]} == {one[0] for one in ours["messages"]}
    for rows in (ours["messages"], found["messages"]):
        rows -= {one for one in rows if one[0] in moving}
    assert found == ours


class Killed(Exception):
    """An export that ended before it was done."""


def die_at(patch: pytest.MonkeyPatch, count: int) -> None:
    """Have an export into a folder die before so many files have their names."""
    from sojourn.insight.exporting import parquet

    left, settle = count, parquet._settle

    def dying(part: Path, file: Path) -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            raise Killed
        settle(part, file)

    patch.setattr(parquet, "_settle", dying)


@pytest.mark.more
async def test_a_folder_has_what_the_store_has_whatever_was_killed(
    alone: Store, tmp_path: Path
) -> None:
    chance, folder = random.Random(11), tmp_path / "out"
    shop = Shop(alone, chance)
    for number in range(90):
        await shop.something()
        if chance.random() < 0.1:
            await assigned(alone, number)
        if chance.random() < 0.1:
            with pytest.MonkeyPatch.context() as patch:
                if chance.random() < 0.6:
                    die_at(patch, chance.randrange(1, 12))
                try:
                    await exported(alone, folder)
                except Killed:
                    pass
                else:
                    no_number_twice(folder)
    await exported(alone, folder)
    no_number_twice(folder)
    await same(alone, in_folder(folder))
    assert all((await held(alone)).values()), "each stream was tried"
    last = json.loads((folder / "export.json").read_text())["seq"]
    done = await exported(alone, folder)
    assert (done.since, done.upto, done.rows.total()) == (last, last, 0)
    await exported(alone, folder, since=last // 2)  # once more: the same rows
    no_number_twice(folder)
    await same(alone, in_folder(folder))
    await exported(alone, tmp_path / "once-more")
    await same(alone, in_folder(tmp_path / "once-more"))


@pytest.mark.parametrize("kind", ["duckdb", "postgres"])
async def test_tables_have_what_the_store_has(
    migrated_database: Path, postgres: Postgres, tmp_path: Path, kind: str
) -> None:
    to = f"duckdb:{tmp_path}/shop.duckdb" if kind == "duckdb" else await postgres.create()
    chance, url = random.Random(4), f"sqlite:///{tmp_path}/store.db"
    shutil.copy(migrated_database, tmp_path / "store.db")
    async with await Store.open(url) as store:
        shop = Shop(store, chance)
        for number in range(80):
            await shop.something()
            await assigned(store, number)
            if number % 20 == 19:
                await exported(store, to)
                await same(store, await in_tables(to))
        await exported(store, to, since=0)
        await same(store, await in_tables(to))


DIES = """
import asyncio, os, signal, sys
from pathlib import Path
from sojourn.insight.exporting import parquet
from sojourn.insight.exporting.export import export
from sojourn.insight.measuring import Measuring
from sojourn.store import Store

left, settle = int(sys.argv[3]), parquet._settle

def dying(part, file):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    settle(part, file)

async def main():
    store = await Store.open(sys.argv[1])
    await export(Measuring(store), parquet.ParquetFolder(Path(sys.argv[2])), {}, page=9)

parquet._settle = dying
asyncio.run(main())
"""


async def test_a_killed_process_leaves_no_half_file(
    migrated_database: Path, tmp_path: Path
) -> None:
    shutil.copy(migrated_database, tmp_path / "store.db")
    url, folder = f"sqlite:///{tmp_path}/store.db", tmp_path / "out"
    async with await Store.open(url) as store:
        shop = Shop(store, random.Random(3))
        for _ in range(60):
            await shop.something()
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", DIES, url, str(folder), "9"
        )
        assert await child.wait() == -signal.SIGKILL
        assert list(folder.glob("**/*.part")), "it died over a file"
        for file in folder.glob("**/*.parquet"):
            read(f"SELECT * FROM '{file}'")
        await exported(store, folder)
        no_number_twice(folder)
        await same(store, in_folder(folder))
        assert not list(folder.glob("**/*.part"))


def everything(folder: Path) -> str:
    """Return every value of every file as one text."""
    told: list[str] = []
    for name in STREAMS:
        for file in (folder / name).glob("*.parquet"):
            told += [row[0] for row in read(f"SELECT to_json(t)::VARCHAR FROM '{file}' t")]
    return str(told)


async def test_an_erased_customer_is_in_no_file_and_no_table(
    alone: Store, tmp_path: Path, postgres: Postgres
) -> None:
    tables = [f"duckdb:{tmp_path}/shop.duckdb", await postgres.create()]
    await lived(alone, "ada7", "anon-ada7")
    await assigned(alone, 1)
    for to in (tmp_path / "out", *tables):
        await exported(alone, to, personal=True)
    assert "ada7" in everything(tmp_path / "out")
    assert "no such mailbox" in everything(tmp_path / "out")
    assert "ada7" in str(await in_tables(tables[0]))
    async with alone.transaction() as session:
        await erasing.begin(session, "ada7", why="asked", by="anna")
    for to in (tmp_path / "out", *tables):
        await exported(alone, to, personal=True)
    left = everything(tmp_path / "out").replace("ada7-other", "")
    assert "ada7" not in left
    assert "no such mailbox" not in left
    assert "u1" in left, "others stay"
    for to in tables:
        found = await in_tables(to)
        await same(alone, found)
        assert "ada7" not in str(found)


async def test_nothing_personal_is_in_it_unless_somebody_asks(alone: Store, tmp_path: Path) -> None:
    await lived(alone, "ada7", "anon-ada7")
    await exported(alone, tmp_path / "plain")
    told = everything(tmp_path / "plain")
    assert "ada7" in told, "ids of customers are in it"
    for word in ("example", "Ada", "+39", "no such mailbox", "for ada7", "hello"):
        assert word not in told, word
    await exported(alone, tmp_path / "all", personal=True)
    assert "no such mailbox" in everything(tmp_path / "all")
    with pytest.raises(BadInput, match="has no personal columns"):
        await exported(alone, tmp_path / "plain", personal=True)
    with pytest.raises(BadInput, match="say --personal"):
        await exported(alone, tmp_path / "all")


def test_personal_fields_of_events_are_told_apart_and_secrets_stay() -> None:
    code = {"code": "123456", "purpose": "login"}
    plain, others = properties_of(SHIPPED["Login Code Requested"], code)
    assert "123456" not in f"{plain} {others}"
    replied = {"text": "yes please", "intent": "yes", "channel": "sms", "other": 1}
    plain, others = properties_of(SHIPPED["Message Replied"], replied)
    assert json.loads(plain or "") == {"intent": "yes", "channel": "sms"}
    assert json.loads(others or "") == {"text": "yes please", "other": 1}
    assert properties_of(None, {"x": "y"}) == (None, '{"x": "y"}')


@pytest.mark.parametrize("stream", STREAMS.values(), ids=lambda stream: stream.name)
def test_what_the_register_calls_personal_is_personal_here(stream: Stream) -> None:
    for column in stream.columns:
        if not column.of:
            continue  # properties: told apart by their class
        table, _, name = column.of.rpartition(".")
        part = HOLDINGS[table or TABLE_OF[stream.kind]].columns[name]
        assert column.personal == (part in (Part.PERSONAL, Part.ADDRESS)), column.name


async def test_targets_that_cannot_go_on_say_why(
    migrated_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        shutil.copy(migrated_database, tmp_path / f"{name}.db")
    out = tmp_path / "out"
    async with (
        await Store.open(f"sqlite:///{tmp_path}/one.db") as one,
        await Store.open(f"sqlite:///{tmp_path}/two.db") as two,
    ):
        await assigned(one, 1)
        await exported(one, out)
        with pytest.raises(BadInput, match="from another database"):
            await exported(two, out)
        with pytest.raises(BadInput, match="there are 1 changes"):
            await exported(one, out, since=9)
        await assigned(one, 2)
        with pytest.raises(BadInput, match="ends at 1, what lies between would be missing"):
            await exported(one, out, since=2)
        first = target_of(str(out))
        await first.open()
        with pytest.raises(Unavailable, match="another export fills"):
            await exported(one, out)
        await first.close()
        says = json.loads((out / "export.json").read_text())
        (out / "export.json").write_text(json.dumps({**says, "seq": 99}))
        with pytest.raises(BadInput, match="the target is ahead"):
            await exported(one, out)
        with pytest.raises(BadInput, match="name an empty folder"):
            await exported(one, tmp_path)
        with pytest.raises(Unavailable, match="postgres://user:secret@host"):
            await exported(one, "postgres://somebody:hush@127.0.0.1:1/none")
        monkeypatch.setitem(sys.modules, "duckdb", None)
        with pytest.raises(Unavailable, match=r"pip install 'sojourn\[export\]'"):
            await exported(one, tmp_path / "new")
    with pytest.raises(BadInput, match="nothing is exported there"):
        target_of("mysql://x")
