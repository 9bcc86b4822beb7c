"""``sojourn rollups``: the counts that reports are made of; show, rebuild."""

import typer

from sojourn.cli.here import Here
from sojourn.cli.options import AsJson
from sojourn.cli.output import show_json, show_line
from sojourn.cli.running import run
from sojourn.insight.measuring import Measuring
from sojourn.store.measuring import marks, rollups

app = typer.Typer(
    help="Show how far reports have counted, or count all once more.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command()
def show(*, as_json: AsJson = False) -> None:
    """Show how many changes are not counted yet, and the days that have counts."""
    run(_show(Here.compose(), as_json=as_json))


@app.command()
def rebuild(*, as_json: AsJson = False) -> None:
    """Count messages, entries, orders and experiments again; meanwhile, changes count as usual.

    Orders of customers who were erased keep their messages' credit.
    """
    run(_rebuild(Here.compose(), as_json=as_json))


async def _show(here: Here, *, as_json: bool) -> None:
    async with here.store() as store, store.reading() as session:
        waiting, (first, last) = await marks.waiting(session), await rollups.days(session)
    if as_json:
        show_json({"waiting": waiting, "first": first, "last": last})
        return
    show_line(f"{waiting:,} changes are not counted yet")
    show_line(f"there are counts from {first} to {last}" if first else "nothing is counted yet")


async def _rebuild(here: Here, *, as_json: bool) -> None:
    async with here.store() as store:
        counted = await Measuring.of(store, here.settings, here.project).rebuild()
    if as_json:
        show_json({"counted": counted})
        return
    show_line(f"counted {counted:,} messages, entries, orders and exposures")
