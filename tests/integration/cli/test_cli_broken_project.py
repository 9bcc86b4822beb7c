"""A file of a project that does not import is one line and exit code 2 for every command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.markdown import ROOT

SOJOURN = ("-m", "sojourn")
COMMANDS = {
    "demo": (*SOJOURN, "demo"),
    "runs": (*SOJOURN, "runs"),
    "publish": (*SOJOURN, "publish", "Order Completed", "c42"),
    "gateway": (*SOJOURN, "gateway", "--port", "0"),
    "check": (*SOJOURN, "check"),
    "worker": (str(ROOT / "worker.py"),),
}


def answer(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "SOJOURN_PROJECT": str(project),
        "SOJOURN_HOME": str(project / ".sojourn"),
    }
    return subprocess.run(
        [sys.executable, *command],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project. Its packages are regular ones: the shop's come second."""
    for folder in ("workflows", "activities"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").touch()
    return tmp_path


@pytest.mark.parametrize("name", COMMANDS)
def test_a_journey_that_does_not_import_is_one_line(project: Path, name: str) -> None:
    (project / "workflows" / "winback.py").write_text("from sojourn import Journey\n\nnope\n")
    told = answer(project, *COMMANDS[name])
    assert told.returncode == 2
    (line,) = told.stderr.splitlines()
    assert line.partition(": ")[2] == (
        "workflows/winback.py, line 3: NameError: name 'nope' is not defined"
    )


@pytest.mark.parametrize(
    ("file", "source", "said"),
    [
        ("events.py", "def f(:\n", "events.py, line 1: SyntaxError: invalid syntax"),
        ("activities/codes.py", "\nimport nope\n", "activities/codes.py, line 2: ModuleNotFound"),
        (
            "workflows/winback.py",
            "from sojourn.domain.calendar import zone\nzone('Nowhere')\n",
            'workflows/winback.py, line 2: no time zone "Nowhere"',
        ),
        (
            "workflows/winback.py",
            "from sojourn import Journey\n\n\nclass Winback(Journey, name='winback'):\n    ...\n",
            "workflows/winback.py, line 4: TypeError: Winback never starts",
        ),
        ("workflows/winback.py", "exit('bye')\n", "workflows/winback.py, line 1: SystemExit: bye"),
    ],
)
def test_the_line_names_the_file_and_the_line_at_fault(
    project: Path, file: str, source: str, said: str
) -> None:
    (project / file).write_text(source)
    told = answer(project, *SOJOURN, "keys", "list")
    assert told.returncode == 2
    (line,) = told.stderr.splitlines()
    assert line.startswith(f"sojourn: {said}")
