"""``sojourn explain --if``: two stories side by side, for people and for programs."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from sojourn.store import Store
from tests.support.baskets import BEGIN, Shop, open_shop, refuses
from tests.support.cli_stack import Cli
from tests.support.own_project import SOJOURN, OwnProject


@pytest.mark.more
async def test_both_stories_are_shown_and_the_difference_is_marked(
    own_project: OwnProject, migrated_database: Path, tmp_path: Path
) -> None:
    open_shop(own_project)
    shutil.copy(migrated_database, tmp_path / "test.db")
    url = f"sqlite:///{tmp_path}/test.db"
    async with await Store.open(url) as store:
        await Shop(store, own_project.folder, url).lives("cleo", BEGIN, refuses)

    def explains(*options: str) -> Any:
        asked = ("explain", "cleo", "--if", "consent.email=true", *options)
        return own_project.run(
            *SOJOURN, *asked, SOJOURN_QUIET_HOURS="off", SOJOURN_DATABASE_URL=url
        )

    shown = explains()
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert lines[0] == "What if consent.email=true?"
    assert [line for line in lines if "≠" in line and "basket k-cleo: hello" in line]
    assert lines[-1] == "1 thing differs"
    assert "this history comes to something else" not in shown.stdout

    told = json.loads(explains("--json").stdout)
    fates = {
        when: [one["text"].split()[0] for one in told[when]] for when in ("as_it_was", "if_so")
    }
    assert fates == {
        "as_it_was": ["began", "skipped", "sent", "exhausted"],
        "if_so": ["began", "sent", "sent", "exhausted"],
    }
    assert len(told["different"]) == 1
    assert (told["unlike"], told["gaps"], told["timezone"]) == ([], {}, "Europe/Rome")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--if", "plan=pro", "--all"), "--if shows whole stories"),
        (("--if", "consent.fax=true"), "neither a channel nor a topic"),
    ],
)
async def test_bad_input_is_one_line(offline: Cli, options: tuple[str, ...], said: str) -> None:
    ada = await offline.identify(plan="free")
    answer = await offline("explain", ada, *options)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.fault
