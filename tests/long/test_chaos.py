"""No message is lost or sent twice, whatever fails at whatever moment.

The suite lives through a small size; ``make chaos`` through all of it, on PostgreSQL: 2,000 runs,
the worker killed twenty times, Temporal five times, the database's connections cut ten times.
"""

import os
from pathlib import Path

import pytest

from tests.support.chaos import Size, chaos

FULL = int(os.environ.get("SOJOURN_CHAOS", "0"))
SEED = int(os.environ.get("SOJOURN_SEED", "4"))
SIZE = (
    Size(runs=FULL, worker=20, temporal=5, cuts=10, seed=SEED)
    if FULL
    else Size(runs=30, worker=2, temporal=1, cuts=2, seed=SEED)
)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_chaos_loses_no_message_and_sends_none_twice(
    tmp_path: Path, database_url: str
) -> None:
    verdict = await chaos(SIZE, tmp_path, database_url)
    print("\n" + "\n".join(verdict.lines()))  # noqa: T201 (the figures, for `pytest -s`)
    assert verdict.lost == []
    assert verdict.twice == []
    assert verdict.untrue == []
    assert verdict.unsaid == []
    assert set(verdict.outcomes) == {"COMPLETED"}
    assert verdict.asked > verdict.accepted.total() > SIZE.runs
