"""``sojourn add``: copy a journey, a campaign or an audience that ships into a project."""

from typing import Annotated

import typer

from sojourn.cli.options import AsJson
from sojourn.cli.output import show_json, show_line, show_list
from sojourn.composing import load_project
from sojourn.domain.errors import BadInput
from sojourn.scaffold.add import Copied, copy_shipped
from sojourn.scaffold.shipped import Kind, shipped, shipped_as

app = typer.Typer(add_completion=False)
NEXT = {
    Kind.JOURNEY: "run its test by `make test`",
    Kind.CAMPAIGN: "see what it would come to by `sojourn campaign check {name}`",
    Kind.AUDIENCE: "see how many are in it by `sojourn audience count {name}`",
}


@app.command()
def add(
    name: Annotated[
        str | None, typer.Argument(help="Of a journey, a campaign or an audience that ships")
    ] = None,
    *,
    listing: Annotated[bool, typer.Option("--list", help="List what ships")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy a journey, a campaign or an audience that ships into this project.

    It comes with everything that it needs, and is yours to change. No file is overwritten.
    """
    if listing:
        _show_shipped(as_json=as_json)
    elif name is None:
        raise BadInput("name what to copy; `sojourn add --list` shows what ships")
    else:
        _add(name, as_json=as_json)


def _show_shipped(*, as_json: bool) -> None:
    rows = [(one.kind, one.name, one.summary) for one in shipped().values()]
    if as_json:
        show_json([{"kind": kind, "name": name, "summary": about} for kind, name, about in rows])
    else:
        show_list(("kind", "name", "what it is"), rows)


def _add(name: str, *, as_json: bool) -> None:
    one = shipped_as(name)
    copied = copy_shipped(one, load_project())
    if as_json:
        show_json(
            {
                "written": [str(p) for p in copied.written],
                "kept": [str(p) for p in copied.kept],
                "audiences": copied.audiences,
                "topics": copied.topics,
                "coupons": copied.pools,
            }
        )
        return
    _tell(copied)
    show_line(f"{name} is yours now: change it, and {NEXT[one.kind].format(name=name)}.")


def _tell(copied: Copied) -> None:
    for path in copied.written:
        show_line(f"wrote {path}")
    for path in copied.kept:
        show_line(f"kept {path}, which this project has already")
    if copied.audiences:
        show_line(f"added audiences: {', '.join(copied.audiences)}")
    for topic in copied.topics:
        show_line(f"added [{topic}] to topics.toml: say there what your customers call it")
    for pool in copied.pools:
        show_line(
            f"added [{pool}] to coupons.toml: say there what its codes give; "
            "`sojourn coupon` fills it"
        )
