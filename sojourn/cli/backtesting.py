"""The two sides of a backtest, each played in a process of its own: they share no module."""

import asyncio
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from asyncio.subprocess import PIPE
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from sojourn.cli.calls import read_calls
from sojourn.composing import load_project, prices_of, settings_of
from sojourn.dispatch.calls import Track
from sojourn.domain.alias import Alias
from sojourn.domain.customer import Identity
from sojourn.domain.errors import BadInput, SojournError
from sojourn.domain.strict_json import read_json
from sojourn.insight.backtesting.playing import Recorded, Span, play
from sojourn.insight.backtesting.remembering import remember
from sojourn.insight.backtesting.side import Side
from sojourn.insight.backtesting.stored import Stored, read_stored
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store

PROJECT = "SOJOURN_PROJECT"
STEPS = 100
"""The number of times that a side tells its progress."""

Progress = Callable[[int, int], None]
NOTHING_ELSE: Mapping[str, str] = MappingProxyType({})


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


@dataclass(frozen=True)
class Stretch:
    """A time of the store.

    Args:
        since: its first moment.
        until: its end.
    """

    since: datetime
    until: datetime


async def played(
    project: Path,
    of: Path | Stretch,
    into: Path,
    *,
    led_on: timedelta,
    prices: Path,
    store: str = "",
    progress: Progress,
) -> Side:
    """Play a side in a process of its own.

    Args:
        project: the folder of its project.
        of: the file with the recorded calls, by a whole path; or a time of the store.
        into: a file that does not exist yet.
        led_on: the time after the last call, or after the stretch.
        prices: the folder of the project whose prices count, for both sides alike.
        store: the URL of the store.
        progress: is called with the calls that are done, and with all.

    Returns:
        The side.

    Raises:
        BadInput: the process failed; the message is its own.
    """
    told = {
        "file": str(of) if isinstance(of, Path) else "",
        "since": of.since.isoformat() if isinstance(of, Stretch) else "",
        "until": of.until.isoformat() if isinstance(of, Stretch) else "",
        "into": str(into),
        "days": led_on // timedelta(days=1),
        "prices": str(prices),
    }
    # each side has its own project, and the store is the same
    shared = {"SOJOURN_DATABASE_URL": store} if store else {}
    module = "sojourn.cli.backtesting"
    await aside(module, project, json.dumps(told), progress=progress, environment=shared)
    return _read(into)


async def aside(
    module: str,
    project: Path,
    *given: str,
    progress: Progress,
    environment: Mapping[str, str] = NOTHING_ELSE,
) -> None:
    """Run a module of ours for a project in a process of its own: two versions share no module.

    Args:
        module: its ``main`` tells its progress by `tell_progress`.
        project: the folder of the project.
        given: the arguments.
        progress: is called with what is done, and with all.
        environment: variables that it has beside those of this process.

    Raises:
        BadInput: the process failed; the message is its own.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *given,
        # a checkout of this very repository must not take the engine's place
        env={**os.environ, **environment, PROJECT: str(project), "PYTHONSAFEPATH": "1"},
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

    told = json.loads(sys.argv[1])
    try:
        project = load_project()
        settings = settings_of(project)
        led_on = timedelta(days=told["days"])
        prices = prices_of(Path(told["prices"]))
        if told["file"]:
            calls = _recorded(Path(told["file"]), project, settings)
            side = play(
                calls, project, settings, led_on=led_on, prices=prices, progress=tell_progress
            )
        else:
            since, until = (datetime.fromisoformat(told[one]) for one in ("since", "until"))
            stored = asyncio.run(_stored(settings.store_url, project, since, until))
            span = Span(since, until, lambda world: remember(world, stored.before))
            side = play(
                stored.calls,
                project,
                settings,
                led_on=led_on,
                span=span,
                prices=prices,
                progress=tell_progress,
            )
            side = replace(side, gaps=stored.gaps)
    except SojournError as error:
        print(error, file=sys.stderr)  # noqa: T201 (the parent reads it)
        return 1
    Path(told["into"]).write_text(as_json(side.as_json()))
    return 0


def _recorded(file: Path, project: Project, settings: Settings) -> list[Recorded]:
    """Return the calls of a file; its faults, of which the parent has told, are left out."""
    calls = (call for _, call in read_calls(file, project.events, within=settings.clock_skew))
    return [call for call in calls if isinstance(call, Track | Identity | Alias)]


async def _stored(url: str, project: Project, since: datetime, until: datetime) -> Stored:
    async with await Store.open(url) as store:
        return await read_stored(store, project.events, since=since, until=until)


def tell_progress(done: int, total: int) -> None:
    """Print how far it is, for the process that waits for this one."""
    if done == total or done % max(total // STEPS, 1) == 0:
        print(done, total, flush=True)  # noqa: T201 (the parent reads it)


if __name__ == "__main__":
    sys.exit(main())
