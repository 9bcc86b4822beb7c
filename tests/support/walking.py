"""Walk through a page of the documentation: write its files, run its commands, check the output."""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.markdown import Block


@dataclass
class Walk:
    """A walk through a page, in a folder of its own.

    Args:
        folder: where the walk begins; commands may change it, as in a shell.
        environment: the environment of the commands, instead of this process's.
    """

    folder: Path
    environment: Mapping[str, str]
    said: str = field(default="", init=False)

    def take(self, block: Block) -> None:
        """Do what a block of the page says."""
        match block.language:
            case "sh":
                self.run(block.code)
            case "text":
                said = " ".join(self.said.split())  # a table's title is broken at its width
                lines = [" ".join(line.split()) for line in block.code.splitlines()]
                missing = [line for line in lines if line not in said]
                assert not missing, f"line {block.line}: not said: {missing}\n{self.said}"
            case _ if block.caption.startswith("At the end of "):
                with (self.folder / block.file).open("a") as end:
                    end.write(f"\n{block.code}")
            case _ if block.caption.startswith("In "):
                self._set(self.folder / block.file, block.code)
            case _:
                file = self.folder / block.file
                assert not file.exists(), f"{block.file} is there already"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block.code)

    def run(self, commands: str, **environment: str) -> str:
        """Run shell commands; return their output.

        Args:
            commands: the lines; the first that fails also fails the test.
            environment: additional variables.
        """
        last = "trap 'pwd >\"$WALK_AT\"' EXIT\n"
        at = self.folder / ".walk"
        done = subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", last + commands],
            cwd=self.folder,
            env={**self.environment, **environment, "WALK_AT": str(at)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        self.said = done.stdout
        assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
        self.folder = Path(at.read_text().strip())
        at.unlink()
        return self.said

    @staticmethod
    def _set(file: Path, code: str) -> None:
        """Replace settings of the same names."""
        text = file.read_text()
        for line in code.splitlines():
            name = line.partition(" = ")[0]
            text, count = re.subn(rf"^{name} = .*$", line, text, flags=re.MULTILINE)
            assert count == 1, f"{file.name} has {count} lines that set {name}"
        file.write_text(text)


def bare_environment(*, path: Path | None = None, **variables: str) -> dict[str, str]:
    """Return an environment in which nothing of this repository can be found.

    Args:
        path: a folder with commands to search first.
        variables: additional variables.
    """
    ours = ("SOJOURN_", "TEMPORAL_", "PYTEST", "PYTHON", "COV_", "VIRTUAL_ENV", "MAKE", "MFLAGS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    usual = [part for part in kept["PATH"].split(":") if "/.venv/" not in part]
    return {**kept, "PATH": ":".join([*([str(path)] if path else []), *usual]), **variables}
