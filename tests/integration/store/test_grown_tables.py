"""Nothing grows with the tables: what the engine does most, on a filled PostgreSQL.

The database says itself how it would find the rows of each statement, and how many it looks at.
"""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import event, text

from benchmarks import tables as bench
from benchmarks.filling import Size, fill, fill_heavy
from benchmarks.tables import Deed, Place, place
from benchmarks.transactions import counting
from sojourn.store import Store, events
from tests.support.rows import event_row

GROWING = {
    *("customers", "consents", "addresses", "identify_calls", "suppressions", "events", "runs"),
    *("ledger", "attempts", "contents", "reports", "marks"),
}
SIZE = Size(customers=2000, events=20_000, messages=10_000, heavy=1)
MOST_ROWS = 1000
"""The most rows of a growing table that one statement may look at."""
FEW, MANY = Size(0, 0, 0, 2, 60, 6), Size(0, 0, 0, 2, 600, 60)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def filled(postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """Fill a database once for all tests of this file."""
    url = await postgres.create()
    home: Path = tmp_path_factory.mktemp("grown")
    async with place(home, url, shoppers=40) as made:
        await fill(url, SIZE)
        yield made


@contextmanager
def heard(place: Place) -> Iterator[list[tuple[str, Any]]]:
    """Note the statements of a block, with their values."""
    found: list[tuple[str, Any]] = []

    def executed(_c: Any, _cursor: Any, statement: str, given: Any, _x: Any, many: bool) -> None:
        if statement.split(maxsplit=1)[0] in {"SELECT", "UPDATE", "DELETE", "WITH"}:
            found.append((statement, given[0] if many else given))

    engine = place.store.engine.sync_engine
    event.listen(engine, "before_cursor_execute", executed)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", executed)


@pytest.mark.parametrize("deed", bench.ORDINARY_DEEDS.values(), ids=lambda deed: deed.__name__)
async def test_no_statement_looks_through_a_table_that_grows(filled: Place, deed: Deed) -> None:
    await deed(filled)  # what a process reads once
    with heard(filled) as statements:
        await deed(filled)
    assert statements
    for statement, given in statements:
        for node in await _plan(filled, statement, given):
            table = node.get("Relation Name")
            if table not in GROWING:
                continue
            assert node["Node Type"] != "Seq Scan", f"{table} is read whole: {statement}"
            rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
            looked = rows * node["Actual Loops"]
            assert looked <= MOST_ROWS, f"{looked} rows of {table} are looked at: {statement}"


async def _plan(place: Place, statement: str, given: Any) -> list[dict[str, Any]]:
    """Return the nodes of a statement's plan, as it went; nothing stays changed."""
    async with place.store.engine.connect() as connection:
        # in tables of this size the planner rightly reads some whole, though an index is there
        await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
        told = (await connection.exec_driver_sql(explain, given)).scalar_one()
        await connection.rollback()
    (whole,) = json.loads(told) if isinstance(told, str) else told
    found, left = [], [whole["Plan"]]
    while left:
        node = left.pop()
        found.append(node)
        left += node.get("Plans", [])
    return found


@pytest.mark.parametrize("deed", bench.HEAVY_DEEDS.values(), ids=lambda deed: deed.__name__)
async def test_statements_are_as_many_for_a_customer_with_ten_times_the_rows(
    filled: Place, copied_postgresql: str, tmp_path: Path, deed: Deed
) -> None:
    async with place(tmp_path, copied_postgresql, shoppers=1) as made:
        connection = await asyncpg.connect(copied_postgresql)
        await connection.execute("SET session_replication_role = replica")
        await fill_heavy(connection, FEW, 1)
        await fill_heavy(connection, MANY, 3)
        await connection.close()
        made.heavy = count(1, 2)
        with counting(made.store) as few:
            await deed(made)
        with counting(made.store) as many:
            await deed(made)
    assert many.statements == few.statements


async def test_telling_a_run_writes_no_index_of_events(copied_postgresql: str) -> None:
    async with await Store.open(copied_postgresql) as store:
        for number in range(100):
            row = event_row(f"c{number}", properties={"note": "x" * 100})
            row.routed_at = None
            async with store.transaction() as session:
                session.add(row)
            async with store.transaction() as session:
                await events.mark_routed(session, [row.seq or 0], row.received_at)
        assert await _without_an_index(store, "events") > 90


async def test_a_message_that_leaves_writes_no_index_of_the_ledger_but_its_first(
    copied_postgresql: str, tmp_path: Path
) -> None:
    async with place(tmp_path, copied_postgresql, shoppers=40) as made:
        for _ in range(40):
            await bench.send(made)
        assert await _without_an_index(made.store, "ledger") > 90


async def _without_an_index(store: Store, table: str) -> float:
    """Return which per cent of a table's updates wrote no index, as the database has counted."""
    query = text(
        "SELECT 100.0 * n_tup_hot_upd / n_tup_upd FROM pg_stat_user_tables WHERE relname = :table"
    )
    async with store.engine.connect() as connection:  # the one that made the updates
        await connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")
        await connection.rollback()
        return float((await connection.execute(query, {"table": table})).scalar_one())
