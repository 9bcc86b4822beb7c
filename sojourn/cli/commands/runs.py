"""``sojourn runs``: the runs that Temporal knows."""

from typing import Annotated

import typer

from sojourn.cli.here import Here
from sojourn.cli.options import AsJson, Limit
from sojourn.cli.output import show_json, show_line, show_list
from sojourn.cli.running import run
from sojourn.domain.errors import BadInput
from sojourn.insight.runs import Run, list_runs, with_details
from sojourn.store import people

app = typer.Typer(add_completion=False)


@app.command()
def runs(
    *,
    journey: Annotated[str | None, typer.Option(help="Only of this journey.")] = None,
    customer: Annotated[str | None, typer.Option(help="Only of this customer.")] = None,
    only_open: Annotated[bool, typer.Option("--open", help="Only those that go on.")] = False,
    only_closed: Annotated[bool, typer.Option("--closed", help="Only those that ended.")] = False,
    limit: Limit = 50,
    details: Annotated[
        bool, typer.Option("--details", help="Ask each open run what it waits for, until when.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List runs: open ones first, then the newest.

    `sojourn explain` shows more of one customer's runs.
    """
    if only_open and only_closed:
        raise BadInput("--open and --closed exclude each other: leave out both for all runs")
    here = Here.compose()
    if journey is not None:
        here.project.journeys.named(journey)
    is_open = True if only_open else False if only_closed else None
    run(_runs(here, journey, customer, is_open, limit, details=details, as_json=as_json))


async def _runs(
    here: Here,
    journey: str | None,
    customer: str | None,
    is_open: bool | None,
    limit: int,
    *,
    details: bool,
    as_json: bool,
) -> None:
    client = await here.temporal()
    ids = None if customer is None else await _ids(here, customer)
    found = await list_runs(client, journey=journey, customer_ids=ids, is_open=is_open, limit=limit)
    if details:
        found = await with_details(client, found)
    if as_json:
        show_json([run.model_dump() for run in found])
    else:
        _list(found, limit, details=details)


async def _ids(here: Here, customer: str) -> list[str]:
    """Return every id of the customer: a run keeps the id with which it began."""
    async with here.store() as store, store.reading() as session:
        return await people.ids(session, customer)


def _list(found: list[Run], limit: int, *, details: bool) -> None:
    if not found:
        show_line("no such run")
        return
    columns = ["run", "status", "started (UTC)", "ended (UTC)"]
    show_list(
        [*columns, "until (UTC)", "waits for"] if details else columns,
        (
            [
                run.workflow_id,
                run.standing,
                run.started,
                run.closed,
                *([run.until, run.doing] if details else []),
            ]
            for run in found
        ),
    )
    if len(found) == limit:
        show_line(f"the first {limit}; --limit lists more")
