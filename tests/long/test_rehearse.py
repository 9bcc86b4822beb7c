"""A season of the whole shop is played, and nobody in it has a reason to shake their head.

``SOJOURN_SEASON=120`` plays as many days.
"""

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

from tests.support.markdown import ROOT

SIZE = ("--customers", "7", "--seed", "7", "--days", os.environ.get("SOJOURN_SEASON", "30"))
SAME_MOMENT = timedelta(minutes=1)
"""The server's clock goes on while it works. No two messages of this season compete for the room
under a cap at one moment: there, chance decides which goes first."""


def season(*options: str) -> dict[str, Any]:
    told = subprocess.run(
        [sys.executable, "-m", "sojourn", "rehearse", "--json", *SIZE, *options],
        cwd=ROOT,
        env={**os.environ, "SOJOURN_PROJECT": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.stdout, told.stderr
    played: dict[str, Any] = json.loads(told.stdout)
    assert played["contradictions"] == []
    assert played["refused"] == []
    assert played["unknown"] == []
    assert told.returncode == 0
    return played


def messages(played: dict[str, Any]) -> dict[tuple[str, ...], dict[str, Any]]:
    """By their run, step, channel and number."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for customer in played["customers"]:
        for one in sorted(customer["messages"], key=lambda one: one["at"]):
            name = (customer["customer"], one["run"], one["step"], one["channel"])
            number = sum(known[:4] == name for known in found)
            found[*name, str(number)] = one
    return found


def test_nobody_is_pestered_and_the_real_engine_says_the_same() -> None:
    here, there = season(), season("--engine", "temporal")
    sent = [m for c in here["customers"] for m in c["messages"] if m["state"] == "sent"]
    assert {m["class"] for m in sent} >= {"promotional", "transactional"}
    assert all(m["reason"] for c in here["customers"] for m in c["messages"] if m not in sent)
    assert here["calls"] == there["calls"]
    ours, theirs = messages(here), messages(there)
    assert ours.keys() == theirs.keys()
    for name, one in ours.items():
        other = theirs[name]
        assert (one["state"], one["reason"]) == (other["state"], other["reason"]), name
        apart = datetime.fromisoformat(one["at"]) - datetime.fromisoformat(other["at"])
        assert abs(apart) < SAME_MOMENT, name
