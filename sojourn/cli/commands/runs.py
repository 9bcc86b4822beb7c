"""``sojourn runs``: the runs Temporal knows."""

from typing import Annotated

import typer

from sojourn.cli.app import app, run
from sojourn.cli.output import Limit, show_json, show_line, show_list
from sojourn.composing import load_project, project_settings
from sojourn.dispatch.connection import connect
from sojourn.domain.errors import BadInput
from sojourn.insight.executions import Run, list_runs, with_details
from sojourn.settings import Settings
from sojourn.store import Store, people


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
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List runs: open ones first, then the newest. `sojourn explain` tells more of a customer's."""
    if only_open and only_closed:
        raise BadInput("--open and --closed exclude each other: leave out both for all runs")
    if journey is not None:
        load_project().journeys.named(journey)
    is_open = True if only_open else False if only_closed else None
    run(
        _runs(
            project_settings(), journey, customer, is_open, limit, details=details, as_json=as_json
        )
    )


async def _runs(
    settings: Settings,
    journey: str | None,
    customer: str | None,
    is_open: bool | None,
    limit: int,
    *,
    details: bool,
    as_json: bool,
) -> None:
    client = await connect(settings)
    ids = None if customer is None else await _ids(settings, customer)
    found = await list_runs(client, journey=journey, customer_ids=ids, is_open=is_open, limit=limit)
    if details:
        found = await with_details(client, found)
    if as_json:
        show_json([run.model_dump() for run in found])
    else:
        _list(found, limit, details=details)


async def _ids(settings: Settings, customer: str) -> list[str]:
    """Every id of the customer: a run bears the one with which it began."""
    store = await Store.open(settings.store_url)
    try:
        async with store.reading() as session:
            return await people.ids(session, customer)
    finally:
        await store.close()


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
