"""``sojourn backtest``: the same calls through two versions of a project."""

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.own_project import SOJOURN, OwnProject

pytestmark = pytest.mark.more
"""Each runs the command once or twice, which takes seconds."""
NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)
JOURNEY = """
from sojourn import EMAIL, Journey, Message, hours
from sojourn.events import OrderCompleted, ProductAdded

class Basket(Journey, name="basket", topic="cart", starts_on=ProductAdded, key="cart_id",
             goal=OrderCompleted):
    hello = Message(EMAIL, useful_for=hours(24), template="words")
    again = Message(EMAIL, useful_for=hours(24), template="words")

    async def steps(self):
        await self.sleep(hours(5))
        await self.send(self.hello)
        await self.sleep(hours(24))
        await self.send(self.again)
"""
WORDS = "{% extends 'layout/email.html' %}{% block subject %}Hi{% endblock %}"
WORDS += "{% block body %}Your basket waits.{% endblock %}"


def calls() -> list[dict[str, Any]]:
    """Return what four customers do: the second buys after six hours, the third takes no e-mail."""
    found: list[dict[str, Any]] = []
    for n in range(4):
        who, at = f"c{n}", NOON + timedelta(minutes=n)
        agrees = {"marketingConsent": {"email": n != 2}}
        traits = {"email": f"{who}@shop.example", "timezone": "Europe/Rome", **agrees}
        found += [
            {"type": "identify", "userId": who, "messageId": f"i{n}", "traits": traits},
            {"type": "track", "userId": who, "messageId": f"a{n}", "event": "Product Added",
             "properties": {"cart_id": f"k{n}", "product_id": "p1"}},
        ]  # fmt: skip
        for call in found[-2:]:
            call["timestamp"] = at.isoformat()
    bought = {"cart_id": "k1", "order_id": "o1", "total": 12, "currency": "EUR"}
    found.append(
        {
            "type": "track",
            "userId": "c1",
            "messageId": "b1",
            "event": "Order Completed",
            "properties": bought,
            "timestamp": (NOON + timedelta(hours=6)).isoformat(),
        }
    )
    return found


@pytest.fixture
def shop(own_project: OwnProject) -> OwnProject:
    own_project.write("pyproject.toml", "[tool.sojourn]\n")
    own_project.write("workflows/basket.py", JOURNEY)
    own_project.write("templates/basket/words.email.en.html", WORDS)
    own_project.write("calls.jsonl", "".join(json.dumps(call) + "\n" for call in calls()))
    return own_project


def backtest(shop: OwnProject, *options: str) -> dict[str, Any]:
    ran = shop.run(
        *SOJOURN, "backtest", "calls.jsonl", "--json", *options, SOJOURN_QUIET_HOURS="off"
    )
    assert ran.returncode == 0, ran.stderr
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


def test_changes_are_told_by_customer(shop: OwnProject, tmp_path: Path) -> None:
    former = tmp_path / "former"
    shutil.copytree(shop.folder, former, ignore=shutil.ignore_patterns("former", ".sojourn"))
    shop.write(
        "workflows/basket.py",
        JOURNEY.replace("sleep(hours(5))", "sleep(hours(8))").replace("again", "last"),
    )
    told = backtest(shop, "--against", str(former))
    basket = told["journeys"]["basket"]
    assert (basket["before"]["runs"], basket["after"]["runs"]) == (4, 4)
    assert basket["before"]["outcomes"] == {"converted": 1, "exhausted": 3}
    assert basket["before"]["steps"]["hello"] | {"skipped": {}} == {
        "due": 4, "sent": 3, "held": 0, "prevented": 0, "skipped": {}, "channels": {"email": 3},
    }  # fmt: skip
    assert basket["after"]["steps"]["hello"]["due"] == 3, "one has bought by then"
    changes = {
        (one["step"], one["kind"]): (one["customers"], one["seconds"]) for one in told["changes"]
    }
    assert changes == {
        ("hello", "gets it no more"): (1, None),
        ("hello", "gets it later"): (2, 3 * 3600),
        ("again", "gets it no more"): (2, None),
        ("last", "gets it"): (2, None),
    }
    (lost,) = (
        one
        for one in told["changes"]
        if one["kind"] == "gets it no more" and one["step"] == "hello"
    )
    assert [one["customer_id"] for one in lost["samples"]] == ["c1"]


def test_the_former_version_may_be_a_revision_of_git(shop: OwnProject) -> None:
    if shutil.which("git") is None:
        pytest.skip("git is not installed (Debian: apt-get install git)")
    for command in (
        ("init", "-q"),
        ("add", "-A"),
        ("-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "-qm", "hello"),
    ):
        subprocess.run(["git", *command], cwd=shop.folder, check=True)
    assert backtest(shop)["changes"] == []
    shop.write("workflows/basket.py", JOURNEY.replace("await self.send(self.again)", "return"))
    told = backtest(shop, "--page", "page.html")
    assert [(one["step"], one["kind"]) for one in told["changes"]] == [("again", "gets it no more")]
    assert "basket/again: gets it no more (2 customers)" in (shop.folder / "page.html").read_text()
    ran = shop.run(*SOJOURN, "backtest", "calls.jsonl", "--against", "nobody")
    assert ran.returncode == 2
    assert "neither a folder nor a revision" in ran.stderr


@pytest.mark.parametrize(
    ("written", "said"),
    [("not a call\n", "no line of it is a call"), (None, "calls.jsonl")],
)
def test_a_file_without_calls_is_refused(shop: OwnProject, written: str | None, said: str) -> None:
    if written is None:
        (shop.folder / "calls.jsonl").unlink()
    else:
        shop.write("calls.jsonl", written)
    ran = shop.run(*SOJOURN, "backtest", "calls.jsonl", "--against", ".")
    assert ran.returncode == 2
    assert said in ran.stderr


def test_a_fault_of_one_version_is_told_with_its_place(shop: OwnProject, tmp_path: Path) -> None:
    former = tmp_path / "former"
    shutil.copytree(shop.folder, former, ignore=shutil.ignore_patterns("former", ".sojourn"))
    (former / "workflows" / "basket.py").write_text("import nowhere\n")
    ran = shop.run(*SOJOURN, "backtest", "calls.jsonl", "--against", str(former))
    assert ran.returncode != 0
    assert "nowhere" in ran.stderr


def test_a_page_that_cannot_be_written_is_told_before_anything_is_played(shop: OwnProject) -> None:
    ran = shop.run(
        *SOJOURN, "backtest", "calls.jsonl", "--against", ".", "--page", "nowhere/page.html"
    )
    assert ran.returncode == 2
    assert "nowhere/page.html: cannot be written" in ran.stderr
    assert "before" not in ran.stderr


@pytest.mark.parametrize(("file", "said"), [("-", "more than once"), ("empty", "is empty")])
def test_a_recording_that_would_play_nothing_is_refused(
    shop: OwnProject, file: str, said: str
) -> None:
    shop.write("empty", "")
    ran = shop.run(*SOJOURN, "backtest", file, "--against", ".")
    assert ran.returncode == 2
    assert said in ran.stderr
