"""Try the tests of one file on mutants of it: ``python -m tests.mutants sojourn/domain/policy.py``.

mutmut makes the mutants, in a copy of the code in a temporary folder, so that an interrupted run
leaves nothing behind. Where a database can be chosen, the tests run on SQLite alone.
"""

import ast
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
QUICK = ("-m", "not long", "-k", "not postgresql", "-p", "no:cacheprovider")
ALIVE = ("survived", "no tests")
UNTRIED = "skipped"


def main(arguments: Sequence[str]) -> int:
    """Print how many mutants of a file its tests kill, and the change that each survivor makes."""
    if not arguments or not (ROOT / arguments[0]).is_file():
        print("usage: make mutants FILE=sojourn/domain/policy.py [TESTS=tests/unit/domain]")
        return 2
    file, *given = arguments
    tests = given or tests_of(file)
    if not tests:
        print(f"no test has the name of {file} or imports it: give TESTS=...")
        return 2
    print(f"{file}, tried with {' '.join(tests)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder)
        copy_code(copy)
        configure(copy, file, tests)
        if not run(copy):
            return 1
        report(copy)
    return 0


def tests_of(file: str) -> list[str]:
    """Return the test modules named after a file; if there is none, those that import it."""
    stem = Path(file).stem
    modules = [path for path in ROOT.glob("tests/*/**/test_*.py") if "long" not in path.parts]
    named = [path for path in modules if path.stem == f"test_{stem}"]
    module = file.removesuffix(".py").replace("/", ".")
    found = named or [path for path in modules if module in imported(path)]
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def imported(path: Path) -> Iterator[str]:
    """Yield the dotted names that a module imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def copy_code(copy: Path) -> None:
    """Copy the files that git knows or would take."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        source = ROOT / name
        if source.is_file():  # git still lists a file that was deleted
            target = copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())


def configure(copy: Path, file: str, tests: Sequence[str]) -> None:
    """Write mutmut's settings into the copy's ``pyproject.toml``.

    Args:
        copy: the folder of the copy.
        file: the one to mutate.
        tests: the modules or folders of tests to run.
    """
    package = file.partition("/")[0]
    options = {
        "source_paths": [package],
        "only_mutate": [file],
        "pytest_add_cli_args": list(QUICK),
        "pytest_add_cli_args_test_selection": list(tests),
        "also_copy": sorted(path.name for path in copy.iterdir() if path.name != package),
        "do_not_mutate_patterns": [r"^log\.\w+"],
        # the tests start threads and event loops, which do not survive a plain fork
        "process_isolation": "forkserver",
    }
    settings = copy / "pyproject.toml"
    lines = [f"{name} = {json.dumps(value)}" for name, value in options.items()]
    settings.write_text("\n".join([settings.read_text(), "[tool.mutmut]", *lines, ""]))


def run(copy: Path) -> bool:
    """Run mutmut; its progress is shown on a terminal, and its output where it fails."""
    quiet = None if sys.stdout.isatty() else subprocess.PIPE
    done = subprocess.run(
        mutmut("run"), cwd=copy, env=environment(), stdout=quiet, stderr=quiet, check=False
    )
    if done.returncode and quiet:
        print((done.stdout + done.stderr).decode(errors="replace")[-4000:])
    return done.returncode == 0


def report(copy: Path) -> None:
    """Print the counts, then the survivors."""
    states = dict(
        line.strip().rsplit(": ", 1)
        for line in output(copy, "results", "--all", "true").splitlines()
        if ": " in line
    )
    states = {name: state for name, state in states.items() if state != UNTRIED}
    alive = [name for name, state in states.items() if state in ALIVE]
    killed = len(states) - len(alive)
    share = 100 * killed // len(states) if states else 100
    print(f"{len(states)} tried, {killed} killed ({share} %), {len(alive)} survive")
    for name in alive:
        print(f"\n{output(copy, 'show', name).strip()}")


def output(copy: Path, *command: str) -> str:
    """Return what a command of mutmut prints."""
    return subprocess.run(
        mutmut(*command), cwd=copy, env=environment(), capture_output=True, text=True, check=True
    ).stdout


def mutmut(*command: str) -> list[str]:
    """Return a command line of mutmut, which warns when it runs as a module."""
    return [str(Path(sys.executable).parent / "mutmut"), *command]


def environment() -> dict[str, str]:
    """Return our environment without the paths that lead back to the original."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
