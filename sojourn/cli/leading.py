"""Leading the open runs of a snapshot on, each version of the code in a process of its own."""

import sys
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sojourn.cli.backtesting import Progress, aside, tell_progress
from sojourn.cli.here import Here
from sojourn.cli.keeping import kept_or_temporary
from sojourn.composing import load_project, settings_of
from sojourn.domain.errors import SojournError
from sojourn.domain.strict_json import read_json
from sojourn.insight.leading.leading import Led, lead
from sojourn.insight.leading.snapshot import Snapshot
from sojourn.insight.leading.taking import Taken, take


async def taken(here: Here, into: Path) -> Taken:
    """Take a snapshot of the installation.

    Args:
        here: the project and the settings.
        into: a file that does not exist yet; its owner alone can read it.

    Returns:
        Its size.

    Raises:
        TemporalUnavailable: no server answers.
        StoreUnavailable: the database cannot be opened, or is of another version.
    """
    from sojourn.insight.leading.histories import open_courses  # noqa: PLC0415 (see `Here`)

    client = await here.temporal()
    async with here.store() as store, aclosing(open_courses(client, here.project.journeys)) as runs:
        return await take(runs, store, datetime.now(UTC), into)


async def snapshot_of(here: Here) -> Snapshot:
    """Take a snapshot of the installation into memory, as `taken` does.

    Args:
        here: the project and the settings.

    Returns:
        The snapshot; its file is gone already.
    """
    with kept_or_temporary(None, "snapshot") as home:
        await taken(here, home / "snapshot")
        return Snapshot.of_file(home / "snapshot")


async def led(
    project: Path, snapshot: Path, into: Path, *, led_on: timedelta, progress: Progress
) -> Led:
    """Lead a snapshot on in a process of its own.

    Args:
        project: the folder of the project.
        snapshot: the file.
        into: a file that does not exist yet.
        led_on: the time that passes.
        progress: is called with the steps that are done, and with all.

    Returns:
        The runs, led on.

    Raises:
        BadInput: the process failed; the message is its own.
    """
    days = str(led_on // timedelta(days=1))
    await aside(__name__, project, str(snapshot), str(into), days, progress=progress)
    return _read(into)


def _read(into: Path) -> Led:
    return Led.of_json(read_json(into.read_bytes(), path=str(into)))


def main() -> int:
    """Lead the snapshot on that the arguments name; print how far it is."""
    from sojourn.cli.output import as_json  # noqa: PLC0415 (the parent needs none of it)

    snapshot, into, days = sys.argv[1:]
    try:
        project = load_project()
        found = lead(
            Snapshot.of_file(Path(snapshot)),
            project,
            settings_of(project),
            led_on=timedelta(days=int(days)),
            progress=tell_progress,
        )
    except SojournError as error:
        print(error, file=sys.stderr)  # noqa: T201 (the parent reads it)
        return 1
    Path(into).write_text(as_json(found.as_json()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
