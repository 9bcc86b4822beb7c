"""The two sides of a backtest, each played in a process of its own: they share no module."""

import asyncio
import io
import os
import shutil
import subprocess
import sys
import tarfile
from asyncio.subprocess import PIPE
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sojourn.cli.calls import Fault, read_calls
from sojourn.composing import load_project, settings_of
from sojourn.dispatch.calls import Track
from sojourn.domain.alias import Alias
from sojourn.domain.customer import Identity
from sojourn.domain.errors import BadInput, SojournError
from sojourn.domain.strict_json import read_json
from sojourn.insight.backtesting.playing import Recorded, play
from sojourn.insight.backtesting.side import Side

PROJECT = "SOJOURN_PROJECT"
STEPS = 100
"""The number of times that a side tells its progress."""

Progress = Callable[[int, int], None]


def former(root: Path, against: str, folder: Path) -> Path:
    """Return the folder of the version to compare with.

    Args:
        root: of the project.
        against: another folder with a project, or a revision of git: a branch, tag or commit.
        folder: an empty one, for the files of a revision.

    Returns:
        The folder.

    Raises:
        BadInput: it is neither.
    """
    if (given := Path(against)).is_dir():
        return given.resolve()
    git = shutil.which("git")
    if git is None or against.startswith("-"):
        why = "git is not installed" if git is None else "no revision begins with a dash"
        raise BadInput(f"--against {against}: is no folder, and {why}")
    archive = subprocess.run(  # noqa: S603 (a revision is one argument, and begins with no dash)
        [git, "-C", str(root), "archive", "--format=tar", against, "."],
        capture_output=True,
        check=False,
    )
    if archive.returncode:
        said = archive.stderr.decode(errors="replace").strip().splitlines()
        raise BadInput(
            f"--against {against}: is neither a folder nor a revision of git in {root} "
            f"({said[-1] if said else 'git says nothing'})"
        )
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


async def played(
    project: Path, file: Path, into: Path, *, led_on: timedelta, progress: Progress
) -> Side:
    """Play a side in a process of its own.

    Args:
        project: the folder of its project.
        file: the recorded calls, by a whole path.
        into: a file that does not exist yet.
        led_on: the time after the last call.
        progress: is called with the calls that are done, and with all.

    Returns:
        The side.

    Raises:
        BadInput: the process failed; the message is its own.
    """
    days = str(led_on // timedelta(days=1))
    await aside("sojourn.cli.backtesting", project, str(file), str(into), days, progress=progress)
    return _read(into)


async def aside(module: str, project: Path, *given: str, progress: Progress) -> None:
    """Run a module of ours for a project in a process of its own: two versions share no module.

    Args:
        module: its ``main`` tells its progress by `tell_progress`.
        project: the folder of the project.
        given: the arguments.
        progress: is called with what is done, and with all.

    Raises:
        BadInput: the process failed; the message is its own.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *given,
        # a checkout of this very repository must not take the engine's place
        env={**os.environ, PROJECT: str(project), "PYTHONSAFEPATH": "1"},
        stdout=PIPE,
        stderr=PIPE,
    )
    assert process.stdout is not None, "it was asked for"
    assert process.stderr is not None, "it was asked for"
    failing = asyncio.create_task(process.stderr.read())
    try:
        async for line in process.stdout:
            done, total = line.split()
            progress(int(done), int(total))
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    said = (await failing).decode(errors="replace").strip()
    if process.returncode:
        raise BadInput(f"{project}: {said.splitlines()[-1] if said else process.returncode}")


def _read(into: Path) -> Side:
    return Side.of_json(read_json(into.read_bytes(), path=str(into)))


def main() -> int:
    """Play the side that the arguments and the environment name; print how far it is."""
    from sojourn.cli.output import as_json  # noqa: PLC0415 (the parent needs none of it)

    file, into, days = sys.argv[1:]
    try:
        project = load_project()
        settings = settings_of(project)
        calls: list[Recorded] = []
        for _, call in read_calls(Path(file), project.events, within=settings.clock_skew):
            if isinstance(call, Track | Identity | Alias):
                calls.append(call)
            elif isinstance(call, Fault):
                continue  # the parent has told of it
        side = play(
            calls, project, settings, led_on=timedelta(days=int(days)), progress=tell_progress
        )
    except SojournError as error:
        print(error, file=sys.stderr)  # noqa: T201 (the parent reads it)
        return 1
    Path(into).write_text(as_json(side.as_json()))
    return 0


def tell_progress(done: int, total: int) -> None:
    """Print how far it is, for the process that waits for this one."""
    if done == total or done % max(total // STEPS, 1) == 0:
        print(done, total, flush=True)  # noqa: T201 (the parent reads it)


if __name__ == "__main__":
    sys.exit(main())
