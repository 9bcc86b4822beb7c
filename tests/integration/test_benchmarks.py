"""The counts of the benchmarks are exact, so that tests hold them; the speeds are not."""

from pathlib import Path

import pytest
from sqlalchemy import text

from benchmarks import costs, lanes, reporting, transactions
from benchmarks.actions import actions
from sojourn.cli.local.stack import Server
from sojourn.insight.measuring import Measuring, sources_of
from sojourn.store import Store
from sojourn.testkit.selling.journeys import shop

LADDER = {"start": 1, "timer": 3, "activity": 3}


async def test_three_messages_cost_seven_actions(tmp_path: Path) -> None:
    async with costs.engine(tmp_path, costs.ladder_alone()) as engine:
        plain = await costs.ladder(engine)
        published = await costs.abandoned_cart(engine)
    assert (len(plain.events), dict(actions(plain))) == (38, LADDER)
    assert (len(published.events), dict(actions(published))) == (39, LADDER)


async def test_a_delayed_start_costs_six_actions(temporal: Server, tmp_path: Path) -> None:
    """A purchase in time costs one fewer, too."""
    async with costs.shop(temporal.client, tmp_path / "timer", delayed=False) as sojourn:
        bought = await costs.bought_in_time(sojourn)
    async with costs.shop(temporal.client, tmp_path / "delay", delayed=True) as sojourn:
        said, bought_then = await costs.left(sojourn), await costs.bought_in_time(sojourn)
    assert (len(said.events), dict(actions(said))) == (33, {**LADDER, "timer": 2})
    once = {"start": 1, "search attributes": 1}
    assert (len(bought.events), dict(actions(bought))) == (13, {**once, "timer": 1, "signal": 1})
    assert (len(bought_then.events), dict(actions(bought_then))) == (8, {**once, "update": 1})


async def test_a_message_takes_three_transactions_at_most(tmp_path: Path) -> None:
    rows = {row.what: row.measured for row in await transactions.measure(tmp_path, full=False)}
    assert {what: n for what, n in rows.items() if "transactions" in what} == {
        "message sent: transactions": 3,
        "message sent, within caps: transactions": 3,
        "message sent, every rule on: transactions": 3,
        "message skipped, goal reached: transactions": 1,
        "message held for quiet hours: transactions": 1,
        "message sent after its hold: transactions": 3,
    }
    assert rows["every rule on: SQL statements more than with none"] == 2


async def test_a_report_is_measured_over_the_counts_of_a_worker(copied_postgresql: str) -> None:
    await reporting.fill(copied_postgresql, 1200)
    async with await Store.open(copied_postgresql) as store:
        filled = await _counts(store)
        await Measuring(store, sources_of(shop())).rebuild()
        assert await _counts(store) == filled
        assert all(filled)


COUNTS = (
    "SELECT to_jsonb(r) - 'id' FROM rollups r",
    "SELECT to_jsonb(r) - 'id', reason, n FROM rollups r JOIN rollup_reasons w ON w.rollup_id = id",
    "SELECT to_jsonb(r) - 'id', reason, n FROM rollups r JOIN rollup_holds h ON h.rollup_id = id",
    "SELECT to_jsonb(r) - 'id', model, currency, orders, value"
    " FROM rollups r JOIN rollup_money m ON m.rollup_id = id",
    "SELECT ledger_id, seq, occasion, at, currency, value, place, touches FROM conversions",
    "SELECT to_jsonb(c) - 'id', exposure_id"
    " FROM cohorts c JOIN cohort_members m ON m.cohort_id = c.id",
    "SELECT to_jsonb(o) FROM cohort_orders o",
)


async def _counts(store: Store) -> list[list[str]]:
    async with store.reading() as session:
        connection = await session.connection()
        return [sorted(map(str, await connection.execute(text(one)))) for one in COUNTS]


@pytest.mark.long
async def test_lanes_are_measured_past_a_queue_that_lasts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "ASKED", 20)
    monkeypatch.setattr(lanes, "QUEUED", 1_000)
    rows = {row.what: row.measured for row in await lanes.measure(tmp_path, full=False)}
    beginning = rows["promotional messages queued at the beginning"]
    assert 0 < rows["promotional messages still queued at the end"] < beginning <= 1_000
    ratio = rows["p99 from due to accepted, loaded / idle"]
    p99 = {kind: rows[f"{kind}: p99 from due to accepted"] for kind in ("idle", "loaded")}
    assert ratio == p99["loaded"] / p99["idle"]
