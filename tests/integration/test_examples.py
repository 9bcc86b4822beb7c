"""The tests that README.md and docs/testing.md show pass, and so do the examples."""

import os
import runpy
import subprocess
import sys

import pytest

from sojourn.cli.local.stack import Server
from sojourn.settings import Settings
from sojourn.store import Store, cards
from tests.support.markdown import ROOT, blocks

EXAMPLES = ROOT / "examples"
PROJECTS = ("activity", "second_language")
OTHERS = {
    "pull_request": "tests/unit/cli/test_impact_example.py",
    "service": "the test of the service",
    "webhook_mapping": "tests/integration/gateway/test_webhooks.py",
}
"""Examples that are no projects of their own, and what runs them."""

for _page in (ROOT / "README.md", ROOT / "docs" / "testing.md"):
    for _block in blocks(_page):
        if _block.language == "python" and not _block.file:
            _source = "\n" * (_block.line - 1) + _block.code  # so that a failure names its line
            exec(compile(_source, _page, "exec"), globals())


def test_the_pages_hold_tests() -> None:
    assert sum(name.startswith("test_") for name in globals()) >= 9


async def test_the_service_example_publishes_a_cart(
    temporal: Server,
    journey_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal.address)
    monkeypatch.setenv("SOJOURN_DATABASE_URL", journey_settings.database_url)
    await runpy.run_path(str(EXAMPLES / "service" / "service.py"))["main"]()
    assert capsys.readouterr().out == "Product Added reached abandoned-cart:c42:cart7\n"
    await temporal.client.get_workflow_handle("abandoned-cart:c42:cart7").terminate()
    async with (
        await Store.open(journey_settings.store_url) as store,
        store.reading() as session,
    ):
        ada = await cards.find(session, "c42")
    assert ada is not None
    assert ada.timezone == "Europe/Rome"


def test_every_example_is_run() -> None:
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    assert folders - {"__pycache__"} == {*PROJECTS, *OTHERS}
    assert all((EXAMPLES / name / "README.md").is_file() for name in folders - {"__pycache__"})


@pytest.mark.long
@pytest.mark.parametrize("name", PROJECTS)
def test_the_tests_of_an_example_project_pass(name: str) -> None:
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("PYTEST_", "SOJOURN_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=EXAMPLES / name,
        env={**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
