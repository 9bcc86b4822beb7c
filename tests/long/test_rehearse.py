"""A season of the whole shop is played, and nobody in it has a reason to shake their head.

``SOJOURN_SEASON=120`` plays as many days.
"""

import json
import os
import subprocess
import sys

from tests.support.markdown import ROOT

SIZE = ("--customers", "7", "--seed", "3", "--days", os.environ.get("SOJOURN_SEASON", "30"))


def test_nobody_is_pestered_and_nothing_contradicts_itself() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "sojourn", "rehearse", "--json", *SIZE],
        cwd=ROOT,
        env={**os.environ, "SOJOURN_PROJECT": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.stdout, told.stderr
    season = json.loads(told.stdout)
    assert season["contradictions"] == []
    assert season["refused"] == []
    assert season["unknown"] == []
    assert told.returncode == 0
    sent = [m for c in season["customers"] for m in c["messages"] if m["state"] == "sent"]
    assert {m["class"] for m in sent} >= {"promotional", "transactional"}
    assert all(m["reason"] for c in season["customers"] for m in c["messages"] if m not in sent)
