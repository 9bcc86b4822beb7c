"""The impact of this code on open runs: taken, compared and shown for ``sojourn check``."""

import asyncio
from dataclasses import dataclass
from typing import Any

from sojourn.cli.backtesting import former
from sojourn.cli.here import Here
from sojourn.cli.keeping import kept_or_temporary
from sojourn.cli.leading import led, taken
from sojourn.cli.output import show_line, show_table
from sojourn.cli.progress import counting
from sojourn.domain.errors import BadInput
from sojourn.insight.backtesting.words import skipped_words
from sojourn.insight.leading.impact import Impact, cells, change_line, headline, impact, some
from sojourn.insight.leading.leading import LED_ON

UNKNOWN = (
    "Led on in memory without a further event: new runs, the deeds of customers and campaigns are "
    "not in it; every provider takes its messages, every activity succeeds."
)


@dataclass(frozen=True)
class Asked:
    """A wish to see the impact.

    Args:
        former: the version to compare with; None: it is not asked for.
        samples: the runs that are named for each difference.
    """

    former: str | None
    samples: int


async def impact_of(here: Here, against: str) -> Impact:
    """Lead every open run on under a former version and under this code, and compare.

    Args:
        here: the project and the settings.
        against: a folder with a project, or a revision of git.

    Returns:
        The impact.

    Raises:
        BadInput: there is no project, or no such version.
    """
    root = here.project.root
    if root is None:
        raise BadInput("there is no project here: run it in a project's folder")
    with kept_or_temporary(None, "impact") as home, counting() as bar:
        (home / "files").mkdir()
        other = former(root, against, home / "files")
        await taken(here, home / "snapshot")
        tasks = {one: bar.add_task(one, total=None) for one in ("before", "after")}

        def told(one: str) -> Any:
            return lambda done, total: bar.update(tasks[one], completed=done, total=total)

        before, after = await asyncio.gather(
            *(
                led(project, home / "snapshot", home / one, led_on=LED_ON, progress=told(one))
                for one, project in (("before", other), ("after", root))
            )
        )
    return impact(before, after)


def show_impact(found: Impact, asked: Asked) -> None:
    """Print an impact.

    Args:
        found: the impact.
        asked: the former version, and the runs to name.
    """
    against = asked.former
    show_line(f"\nagainst {against}: {headline(found)}", style="bold")
    for name, one in found.by_journey().items():
        breaks = f", {one.broken} break" if one.broken else ""
        show_line(f"\n{name}: {one.unchanged} unchanged{breaks}")
        if any(then != now for then, now in one.steps.values()):
            show_table(
                "",
                ("step", "due", "sent", "held", "skipped"),
                [
                    (step, *cells(then, now), skipped_words(then, now))
                    for step, (then, now) in one.steps.items()
                ],
            )
        for changes in one.changes.values():
            show_line(change_line(found, changes, asked.samples))
    for run, why in sorted(found.broken.items())[: asked.samples]:
        show_line(f"{run} would break: {why}")
    if found.broken_before:
        runs = some(sorted(found.broken_before), asked.samples)
        show_line(f"not compared, because {against} breaks them: {runs}")
    if left := sorted({*found.before.left_out, *found.after.left_out}):
        show_line(f"not led on, because they are in shadow: {', '.join(left)}")
    show_line(f"\n{UNKNOWN}")
