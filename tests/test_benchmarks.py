"""The counts among the benchmarks are exact: they are held here, the speeds are not."""

from pathlib import Path

from benchmarks import costs, transactions
from benchmarks.actions import actions

LADDER = {"start": 1, "timer": 3, "activity": 3}


async def test_three_messages_cost_seven_actions(tmp_path: Path) -> None:
    async with costs.engine(tmp_path) as engine:
        plain = await costs.abandoned_cart(engine)
        published = await costs.abandoned_cart_published(engine)
    assert (len(plain.events), dict(actions(plain))) == (38, LADDER)
    assert (len(published.events), dict(actions(published))) == (39, LADDER)


async def test_a_message_takes_three_transactions_at_most(tmp_path: Path) -> None:
    rows = {row.what: row.measured for row in await transactions.measure(tmp_path, full=False)}
    assert {what: n for what, n in rows.items() if "transactions" in what} == {
        "message sent: transactions": 3,
        "message skipped, goal reached: transactions": 1,
        "message held for quiet hours: transactions": 1,
        "message sent after its hold: transactions": 3,
    }
