"""``sojourn pause``: hold a journey, a topic or all back."""

import typer

from sojourn.cli.by_hand import ANYBODY
from sojourn.cli.here import Here
from sojourn.cli.options import By, Why
from sojourn.cli.running import run
from sojourn.cli.switching import Act, Entries, Name, Sends, Target, read_parts, switch

app = typer.Typer(add_completion=False)


@app.command()
def pause(
    what: Target,
    name: Name = None,
    *,
    why: Why,
    by: By = ANYBODY,
    entries: Entries = False,
    sends: Sends = False,
) -> None:
    """Hold a journey, a topic or all back: messages wait, and no event starts a run.

    Events still end runs meanwhile. Messages leave after `sojourn resume`, spread out, if they are
    still of use. An event that would have started a run starts none, not even later.
    """
    parts = read_parts(entries=entries, sends=sends)
    run(switch(Here.compose(), Act.PAUSE, what, name, parts, why=why, by=by))
