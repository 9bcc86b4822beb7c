"""A user's own project in a folder, with commands that run as in a shell."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.markdown import ROOT

SOJOURN = ("-m", "sojourn")


class OwnProject:
    """An empty project. The shop's packages of the same names are also on the path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, file: str, source: str) -> None:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Python with these arguments in the project's folder."""
        ours = {
            "PYTHONPATH": str(ROOT),
            "SOJOURN_PROJECT": str(self.folder),
            "SOJOURN_HOME": str(self.folder / ".sojourn"),
        }
        return subprocess.run(
            [sys.executable, *command],
            check=False,
            cwd=self.folder,
            env={**os.environ, **ours, **environment},
            capture_output=True,
            text=True,
            timeout=180,
        )


@pytest.fixture
def own_project(tmp_path: Path) -> OwnProject:
    """Create an empty project in a new folder."""
    return OwnProject(tmp_path)
