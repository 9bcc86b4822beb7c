"""``sojourn add``: copy a shipped journey into a project."""

from typing import Annotated

import typer

from sojourn.cli.options import AsJson
from sojourn.cli.output import show_json, show_line, show_list
from sojourn.composing import load_project
from sojourn.domain.errors import BadInput
from sojourn.scaffold.add import copy_journey
from sojourn.scaffold.shipped import shipped_journey, shipped_journeys

app = typer.Typer(add_completion=False)


@app.command()
def add(
    journey: Annotated[str | None, typer.Argument(help="Name of a journey that ships")] = None,
    *,
    listing: Annotated[bool, typer.Option("--list", help="List the journeys that ship")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy a shipped journey into this project, with templates, test and histories.

    The copy is yours to change. No file is written over.
    """
    if listing:
        _show_shipped(as_json=as_json)
    elif journey is None:
        raise BadInput("name a journey; `sojourn add --list` shows those that ship")
    else:
        _add(journey, as_json=as_json)


def _show_shipped(*, as_json: bool) -> None:
    rows = [(shipped.name, shipped.summary) for shipped in shipped_journeys().values()]
    if as_json:
        show_json([{"journey": name, "summary": summary} for name, summary in rows])
    else:
        show_list(("journey", "what it does"), rows)


def _add(name: str, *, as_json: bool) -> None:
    copied = copy_journey(shipped_journey(name), load_project())
    if as_json:
        show_json(
            {
                "written": [str(p) for p in copied.written],
                "kept": [str(p) for p in copied.kept],
                "topics": copied.topics,
            }
        )
        return
    for path in copied.written:
        show_line(f"wrote {path}")
    for path in copied.kept:
        show_line(f"kept {path}, which this project has already")
    for topic in copied.topics:
        show_line(f"added [{topic}] to topics.toml: say there what your customers call it")
    show_line(f"{name} is yours now: change it, and run its test by `make test`.")
