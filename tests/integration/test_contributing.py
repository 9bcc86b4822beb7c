"""The walks of CONTRIBUTING.md are performed on a copy of the code."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sojourn.domain import events
from tests.support.markdown import ROOT, Block, blocks

PAGE = ROOT / "CONTRIBUTING.md"
TESTS = "tests/integration/journeys/test_checkout_help.py"
PAGES = "tests/unit/test_journey_pages.py"
TESTED = (TESTS, PAGES, "tests/unit/rendering/test_templates.py")
NEW = "checkout-help"
OF_IT = "checkout_help or checkout-help"
OPTIONS = ("-o", "addopts=-q", "--record-histories")
CHECK = """
import sys, sojourn
from sojourn.cli.app import main
print(sojourn.__file__)
sys.argv[1:] = ["check"]
sys.exit(main())
"""


JOURNEY, EVENT, PROVIDER, AFTER = (
    "## Add a journey", "## Add an event", "## Add a provider", "## Change a live journey",
)  # fmt: skip


def walk(begin: str = JOURNEY, end: str = EVENT) -> list[Block]:
    """Return the blocks between two headings that go into a file, in their order."""
    lines = PAGE.read_text().splitlines()
    between = range(lines.index(begin), lines.index(end))
    return [block for block in blocks(PAGE) if block.file and block.line in between]


def take(block: Block, house: Path) -> None:
    """Put a block where the line before it says."""
    file = house / block.file
    text = file.read_text() if file.exists() else ""
    match block.caption.split("`")[0].strip():
        case "":
            assert not text, f"{block.file} is there already"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.code)
        case "At the end of":
            assert text
            gap = "\n\n" if file.suffix == ".py" else "\n"
            row = block.code.startswith("|")  # of the table that the page ends with
            file.write_text(text + ("" if row else gap) + block.code)
        case other:
            raise AssertionError(f'"{other}" is nothing that can be done with a file')


def run(house: Path, *command: str) -> str:
    """Run Python in the copy, with no module of the original."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=house,
        env={
            **os.environ,
            "PYTHONPATH": str(house),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # the installed plugin is not the copy's
            "PYTEST_PLUGINS": "pytest_asyncio.plugin,pytest_timeout,sojourn.testkit.plugin",
            "PYTEST_ADDOPTS": "-p no:cacheprovider",
            "SOJOURN_HOME": str(house / ".sojourn"),
            "SOJOURN_PROJECT": str(house),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """Copy the code, without the recorded histories."""
    ignore = shutil.ignore_patterns("__pycache__", "histories", "node_modules")
    for path in ROOT.iterdir():
        if path.name.startswith(".") or path.name in ("build", "dist"):
            continue
        if path.is_dir():
            shutil.copytree(path, tmp_path / path.name, ignore=ignore)
        else:
            shutil.copy(path, tmp_path / path.name)
    return tmp_path


@pytest.mark.long
def test_the_walk_adds_a_journey(house: Path) -> None:
    for block in walk():
        take(block, house)
    written = [block.file for block in walk() if block.file.endswith(".py")]

    # three tests of its own, its templates in every language, five of its page
    passed = run(house, "-m", "pytest", *OPTIONS, *TESTED, "-k", OF_IT)
    assert re.search(r"^9 passed", passed, re.MULTILINE), passed
    recorded = {path.name for path in (house / "tests" / "histories").rglob("*.json")}
    assert recorded == {"exhausted.json", "ordered.json"}

    checked = run(house, "-c", CHECK).splitlines()
    assert checked[0] == str(house / "sojourn" / "__init__.py"), "the copy is what is tested"
    assert checked[1] == "2 replayed, none would break"

    run(house, "-m", "ruff", "format", "--check", *written)
    run(house, "-m", "ruff", "check", *written)


def test_the_walk_is_one_journey_its_templates_and_its_tests() -> None:
    files = {block.file for block in walk()}
    assert files == {
        "workflows/checkout_help.py",
        *(f"templates/{NEW}/help.email.{language}.html" for language in ("en", "it", "pl")),
        TESTS,
        "docs/journeys/checkout-help.md",
        "docs/journeys.md",
    }


def test_the_commands_of_the_walk_are_those_that_the_test_runs() -> None:
    steps = PAGE.read_text().partition(JOURNEY)[2].partition(EVENT)[0]
    assert f"pytest {TESTS} --record-histories" in steps
    assert ".venv/bin/sojourn check" in steps


@pytest.mark.long
def test_the_walk_adds_a_provider(house: Path) -> None:
    for block in walk(PROVIDER, AFTER):
        take(block, house)
    written = [block.file for block in walk(PROVIDER, AFTER) if block.file.endswith(".py")]

    contract = (
        "tests/integration/channels/test_provider_contract.py",
        "tests/unit/test_docs.py",
        "-k",
        "pigeon",
    )
    assert f"pytest {' '.join(contract)}" in PAGE.read_text()
    passed = run(house, "-m", "pytest", "-o", "addopts=-q -rs", *contract)
    assert re.search(r"^\d\d passed, 19 skipped", passed, re.MULTILINE), passed
    assert "the provider has no look-up" in passed
    run(house, "-m", "pytest", "-o", "addopts=-q", contract[0], "-k", "every_fake_its_provider")

    run(house, "-m", "ruff", "format", "--check", *written)
    run(house, "-m", "ruff", "check", *written)
    run(house, "-m", "mypy", "--strict", *written)


def test_the_walk_of_a_provider_is_one_file_its_fake_and_its_page() -> None:
    assert [block.file for block in walk(PROVIDER, AFTER)] == [
        "sojourn/channels/pigeon.py",
        "sojourn/testkit/fakes/pigeon.py",
        "docs/providers/pigeon.md",
    ]


def test_the_class_of_the_walk_is_a_new_event() -> None:
    (block,) = (b for b in blocks(PAGE) if b.code.startswith("class ProductReviewed"))
    names = dict(vars(events))
    exec(block.code, names)
    assert events.personal_fields(names["ProductReviewed"]) == {"review_body"}
