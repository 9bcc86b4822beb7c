"""``sojourn fuzz``: look for stories that break an invariant."""

import asyncio
import logging
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from sojourn.cli import output
from sojourn.composing import load_project
from sojourn.domain.errors import BadInput, Unavailable
from sojourn.project import Project
from sojourn.serving.sandbox import check_journeys

if TYPE_CHECKING:
    from sojourn.testkit.fuzzing.searching import Found, Search

app = typer.Typer(add_completion=False)

TURN = 10.0
"""Seconds that one journey is fuzzed before the next has its turn."""
_SPAN = re.compile(r"(\d+)\s*(s|m|h)", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600}


@app.command()
def fuzz(
    journey: Annotated[str, typer.Argument(help="One journey; all of them if left out")] = "",
    *,
    span: Annotated[str, typer.Option("--for", help="How long: 60s, 10m, 1h")] = "60s",
    stories: Annotated[
        int | None, typer.Option(min=1, help="So many stories, however long they take")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another one makes up other stories")] = 1,
    json: Annotated[bool, typer.Option("--json", help="All of it, for programs")] = False,
) -> None:
    """Make up stories, and shrink those that break an invariant to the smallest.

    Events come in any order, late, twice and about other things, on days when clocks change, under
    several policies. They are played on the journeys and the real gate in this process: nothing is
    sent, and your own database is not touched. Each breach is shown as a timeline, and as a test.
    The exit code is 1 if there is one.
    """
    seconds = _read_span(span)
    project = load_project()
    if not project.journeys:
        raise BadInput(f"no journey in {project.root}: a journey is a file in workflows/")
    names = [project.journeys.named(journey).name] if journey else list(project.journeys)
    _check_installed()
    asyncio.run(check_journeys(project))
    with tempfile.TemporaryDirectory(prefix="sojourn-fuzz-") as folder, _silent():
        searches = _search(
            project, names, Path(folder), seed=seed, seconds=seconds, stories=stories
        )
    found = [one for _, one in searches if one is not None]
    if json:
        output.show_json(_json(searches, seed))
    else:
        _show(searches)
    if found:
        raise typer.Exit(1)


Searched = list[tuple["Search", "Found | None"]]


def _search(
    project: Project,
    names: list[str],
    folder: Path,
    *,
    seed: int,
    seconds: float,
    stories: int | None,
) -> Searched:
    """Fuzz the journeys in turn, until the time is over or each has had its stories."""
    # hypothesis is an extra, and the engine is slow to load
    from sojourn.testkit.fuzzing.searching import Search  # noqa: PLC0415
    from sojourn.testkit.fuzzing.stage import stage  # noqa: PLC0415

    begun = monotonic()
    done: dict[str, Found | None] = {}
    with asyncio.Runner() as runner, _bar() as bar:
        set_up = stage(folder)
        place = runner.run(set_up.__aenter__())
        try:
            searches = [Search(place, runner, project, (name,), seed=seed) for name in names]
            total = stories * len(names) if stories else seconds
            task = bar.add_task("stories" if stories else "seconds", total=total, played=0)

            def more() -> bool:
                spent = monotonic() - begun
                played = sum(one.stories for one in searches)
                bar.update(task, completed=played if stories else spent, played=played)
                return bool(stories) or spent < seconds

            turns = {one: one.batches(more, stories) for one in searches}
            while turns and more():
                for one, batches in list(turns.items()):
                    until = monotonic() + TURN
                    for found in batches:
                        done[one.journeys[0]] = found
                        if monotonic() > until:
                            break
                    else:
                        del turns[one]
        finally:
            runner.run(set_up.__aexit__(None, None, None))
    return [(one, done.get(one.journeys[0])) for one in searches]


def _show(searches: Searched) -> None:
    from sojourn.testkit.fuzzing.writing import as_test, timeline  # noqa: PLC0415 (an extra)

    for one, found in searches:
        if found is None:
            continue
        name = ", ".join(one.journeys)
        output.show_line(f"{name} (seed {found.seed})", style="bold red")
        for breach in found.played.breaches:
            output.show_line(f"  {breach.invariant}: {breach.sentence}", style="red")
        output.show_line("")
        for line in timeline(found):
            output.show_line(f"  {line}")
        output.show_line("\nThe same as a test:\n", style="bold")
        output.show_line(as_test(found))
    count = sum(one.stories for one, _ in searches)
    broken = sum(found is not None for _, found in searches)
    journeys = f"{len(searches)} journey{'' if len(searches) == 1 else 's'}"
    said = f"{broken} of them broke an invariant" if broken else "none broke an invariant"
    output.show_line(f"{count} stories of {journeys}: {said}.", style="red" if broken else "green")


def _json(searches: Searched, seed: int) -> dict[str, Any]:
    from sojourn.testkit.fuzzing.writing import as_test, timeline  # noqa: PLC0415 (an extra)

    return {
        "seed": seed,
        "stories": {one.journeys[0]: one.stories for one, _ in searches},
        "breaches": [
            {
                "journey": one.journeys[0],
                "seed": found.seed,
                "broken": [
                    {
                        "invariant": breach.invariant,
                        "sentence": breach.sentence,
                        "moments": list(breach.moments),
                    }
                    for breach in found.played.breaches
                ],
                "timeline": timeline(found),
                "test": as_test(found),
            }
            for one, found in searches
            if found is not None
        ],
    }


def _read_span(written: str) -> float:
    if (found := _SPAN.fullmatch(written.strip())) is None or not int(found[1]):
        raise BadInput(f'--for "{written}": write a time such as 60s, 10m or 1h')
    return int(found[1]) * _SECONDS[found[2]]


def _check_installed() -> None:
    try:
        import hypothesis  # noqa: F401, PLC0415 (an extra)
    except ModuleNotFoundError:
        raise Unavailable(
            "fuzzing needs hypothesis, which is not installed: pip install 'sojourn[fuzz]'"
        ) from None


@contextmanager
def _silent() -> Iterator[None]:
    """Log nothing: what a made-up story provokes concerns nobody."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}, {task.fields[played]} stories"),
        TimeElapsedColumn(),
        console=output.stderr,
    )
