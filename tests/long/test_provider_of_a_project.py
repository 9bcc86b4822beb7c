"""A project adds a provider with one file, and tests it with the contract."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.markdown import ROOT, blocks

PLACES = {
    "sojourn/channels/pigeon.py": "channels/pigeon.py",
    "sojourn/testkit/fakes/pigeon.py": "tests/fake_pigeon.py",
    "tests/test_pigeon.py": "tests/test_pigeon.py",
}
PYPROJECT = """
[tool.pytest.ini_options]
asyncio_mode = "auto"
asyncio_default_fixture_loop_scope = "session"
asyncio_default_test_loop_scope = "session"
filterwarnings = ["error"]
"""
CHOOSE = """
from sojourn.composing import load_project
from sojourn.domain.messages import Channel
from sojourn.settings import Settings

carrier = load_project().carriers.chosen(Settings(), [Channel.SMS])[Channel.SMS]
print(carrier.name, type(carrier).__module__)
"""
CHOSEN = {
    "SOJOURN_SMS_PROVIDER": "pigeon",
    "SOJOURN_PIGEON_API_KEY": "pk_1",
    "SOJOURN_PIGEON_SMS_FROM": "+15005550006",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose provider is the one that the pages show."""
    shown = [*blocks(ROOT / "CONTRIBUTING.md"), *blocks(ROOT / "docs/providers/README.md")]
    for block in shown:
        if block.file in PLACES:
            file = tmp_path / PLACES[block.file]
            file.parent.mkdir(exist_ok=True)
            file.write_text(block.code)
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    return tmp_path


def run(project: Path, *command: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=project,
        env={
            **os.environ,
            "PYTHONPATH": f"{project}{os.pathsep}{ROOT}",
            "SOJOURN_PROJECT": str(project),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_provider_of_a_project_passes_the_contract(project: Path) -> None:
    said = run(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
    assert "19 skipped" in said


def test_a_provider_of_a_project_is_chosen_by_its_name(project: Path) -> None:
    assert run(project, "-c", CHOOSE, **CHOSEN).split() == ["pigeon", "channels.pigeon"]


def test_a_provider_of_a_distribution_is_chosen_by_its_name(project: Path) -> None:
    (project / "channels/pigeon.py").rename(project / "sojourn_pigeon.py")
    metadata = project / "sojourn_pigeon-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: sojourn-pigeon\nVersion: 1\n")
    named = "[sojourn.providers]\npigeon = sojourn_pigeon:Pigeon\n"
    (metadata / "entry_points.txt").write_text(named)
    assert run(project, "-c", CHOOSE, **CHOSEN).split() == ["pigeon", "sojourn_pigeon"]
