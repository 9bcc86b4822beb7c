"""``sojourn close``: keep events from starting runs of a journey."""

import typer

from sojourn.cli.by_hand import ANYBODY
from sojourn.cli.here import Here
from sojourn.cli.options import By, Why
from sojourn.cli.running import run
from sojourn.cli.switching import Act, Name, Target, switch
from sojourn.domain.switches import Part

app = typer.Typer(add_completion=False)


@app.command()
def close(
    what: Target,
    name: Name = None,
    *,
    why: Why,
    by: By = ANYBODY,
) -> None:
    """Close a journey, a topic or all: no event starts a run, open runs go on.

    It lasts until `sojourn resume`. `sojourn pause` holds messages back as well.
    """
    parts = (Part.ENTRIES,)
    run(switch(Here.compose(), Act.CLOSE, what, name, parts, why=why, by=by))
