"""``sojourn resume``: resume what `sojourn pause` or `sojourn close` holds back."""

import typer

from sojourn.cli.by_hand import ANYBODY
from sojourn.cli.here import Here
from sojourn.cli.options import By, Why
from sojourn.cli.running import run
from sojourn.cli.switching import Act, Entries, Name, Sends, Target, read_parts, switch

app = typer.Typer(add_completion=False)


@app.command()
def resume(
    what: Target,
    name: Name = None,
    *,
    why: Why,
    by: By = ANYBODY,
    entries: Entries = False,
    sends: Sends = False,
) -> None:
    """Resume what `sojourn pause` or `sojourn close` holds back.

    Waiting messages leave spread out over the next minutes, if they are still of use.
    """
    parts = read_parts(entries=entries, sends=sends)
    run(switch(Here.compose(), Act.RESUME, what, name, parts, why=why, by=by))
