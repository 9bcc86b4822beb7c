"""``sojourn tickets``: work for people, where the shop has no helpdesk to tell."""

from typing import Annotated

import typer

from sojourn.cli.by_hand import ANYBODY, check_name
from sojourn.cli.here import Here
from sojourn.cli.options import AsJson, By, Limit
from sojourn.cli.output import show_json, show_line, show_list
from sojourn.cli.running import run
from sojourn.store import tickets
from sojourn.store.tables import TicketRow

app = typer.Typer(add_completion=False)


@app.callback(invoke_without_command=True)
def list_tickets(
    context: typer.Context,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Closed ones as well.")] = False,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List open tickets, newest first; close one."""
    if context.invoked_subcommand is None:
        run(_list(Here.compose(), limit, everything=everything, as_json=as_json))


@app.command()
def close(
    number: Annotated[int, typer.Argument(metavar="ID", help="As `sojourn tickets` shows it.")],
    by: By = ANYBODY,
) -> None:
    """Close a ticket: somebody has dealt with it."""
    here = Here.compose()
    check_name(by, here.project)
    run(_close(here, number, by))


async def _list(here: Here, limit: int, *, everything: bool, as_json: bool) -> None:
    async with here.store() as store, store.reading() as session:
        rows = await tickets.listed(session, everything=everything, limit=limit)
    if as_json:
        show_json([_values(row) for row in rows])
        return
    if not rows:
        show_line("no tickets" if everything else "no open tickets")
        return
    show_list(
        ["id", "opened", "customer", "run", "subject", "closed by"],
        [
            (row.id, row.opened_at, row.customer_id, row.run, row.subject, row.closed_by or "")
            for row in rows
        ],
    )


async def _close(here: Here, number: int, by: str) -> None:
    async with here.store() as store, store.transaction() as session:
        row = await tickets.close(session, number, by)
    show_line(f"ticket {row.id} is closed")


def _values(row: TicketRow) -> dict[str, object]:
    return {
        "id": row.id,
        "customer_id": row.customer_id,
        "run": row.run,
        "subject": row.subject,
        "opened_at": row.opened_at,
        "closed_at": row.closed_at,
        "closed_by": row.closed_by,
    }
