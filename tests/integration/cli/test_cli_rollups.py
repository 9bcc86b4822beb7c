"""`sojourn rollups`: how far reports have counted, and all once more."""

import random

from sqlmodel import func, select

from sojourn.store.tables import RollupRow
from tests.support.cli_stack import Cli
from tests.support.measured import Shop


async def test_what_waits_is_told_and_rebuilt(offline: Cli) -> None:
    fresh = (await offline("rollups", "show", "--json")).json
    assert (fresh["first"], fresh["last"]) == (None, None)
    shop = Shop(offline.store, random.Random(1))
    for _ in range(5):
        await shop._message()
    waits = (await offline("rollups", "show", "--json")).json["waiting"]
    assert waits >= fresh["waiting"] + 5
    assert (await offline("rollups", "rebuild", "--json")).json["counted"] >= 5
    shown = await offline("rollups", "show")
    assert "0 changes are not counted yet" in shown.out
    async with offline.store.reading() as session:
        first = (await session.exec(select(func.min(RollupRow.day)))).one()
    assert f"there are counts from {first} to" in shown.out
