"""`sojourn ramp`: the steps of sending domains, and what an operator changes about them."""

from pathlib import Path

import pytest

from tests.support.cli_stack import Cli

RAMP = '[domains."news.shop.example"]\nsteps = [200, 500, 1000]\n'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "pyproject.toml").write_text("[tool.sojourn]\n")
    (root / "ramp.toml").write_text(RAMP)
    monkeypatch.setenv("SOJOURN_PROJECT", str(root))
    monkeypatch.setenv("SOJOURN_FROM_EMAIL", "hello@news.shop.example")


async def test_a_domain_is_listed_set_shown_and_taken_off(offline: Cli) -> None:
    (listed,) = (await offline("ramp", "list", "--json")).json
    assert (listed["domain"], listed["ours"], listed["level"]) == ("news.shop.example", True, 1)
    assert (listed["budget"], listed["used"]) == (200, 0)
    put = ("ramp", "set", "news.shop.example", "3", "--why", "it is known", "--by", "anna")
    told = await offline(*put)
    assert "is on step 3 of 3: 0 of today's 1,000 have left (it is known)" in told.out
    off = await offline("ramp", "off", "News.shop.example", "--why", "enough", "--json")
    assert (off.json["off"], off.json["budget"]) == (True, None)
    shown = (await offline("ramp", "show", "news.shop.example", "--json")).json
    assert shown["ladder"] == [200, 500, 1000]
    assert [(one["turn"], one["level"], one["by"]) for one in shown["words"]] == [
        ("off", 3, "operator"),
        ("set", 3, "anna"),
        ("begins", 1, "ramp"),
    ]
    text = await offline("ramp", "show", "news.shop.example")
    assert "is off its ladder: it has no budget (enough)" in text.out


async def test_a_sender_that_the_file_does_not_name_is_told(
    offline: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOJOURN_FROM_EMAIL", "hello@other.example")
    told = await offline("ramp", "list")
    assert "e-mails leave from other.example here, which ramp.toml does not name" in told.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("set", "news.shop.example", "9"), "news.shop.example has 3 steps: 4 is the level above"),
        (("set", "other.example", "1"), "ramp.toml has no domain other.example"),
    ],
)
async def test_what_makes_no_sense_is_one_clear_line(
    offline: Cli, arguments: tuple[str, ...], said: str
) -> None:
    refused = await offline("ramp", *arguments, "--why", "so")
    assert refused.code == 2
    assert said in refused.fault


async def test_a_fault_of_the_file_names_it(
    offline: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "faulty"  # a project is read once
    root.mkdir()
    (root / "pyproject.toml").write_text("[tool.sojourn]\n")
    (root / "ramp.toml").write_text(RAMP.replace("steps", "stairs"))
    monkeypatch.setenv("SOJOURN_PROJECT", str(root))
    refused = await offline("ramp", "list")
    assert refused.code == 2
    assert 'ramp.toml: domains."news.shop.example".stairs: no such entry' in refused.fault
