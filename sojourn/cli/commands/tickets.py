"""``sojourn tickets``: work for a person, where no helpdesk is told of it."""

from typing import Annotated

import typer

from sojourn.cli.app import app, run
from sojourn.cli.by_hand import ANYBODY, By, check_words
from sojourn.cli.output import Limit, show_json, show_line, show_list
from sojourn.composing import project_settings
from sojourn.settings import Settings
from sojourn.store import Store, tickets
from sojourn.store.tables import TicketRow

commands = typer.Typer(help="Work for a person, where no helpdesk is told of it.")
app.add_typer(commands, name="tickets")


@commands.callback(invoke_without_command=True)
def list_tickets(
    context: typer.Context,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Closed ones as well.")] = False,
    limit: Limit = 50,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List open tickets, newest first."""
    if context.invoked_subcommand is None:
        run(_list(project_settings(), limit, everything=everything, as_json=as_json))


@commands.command()
def close(
    number: Annotated[int, typer.Argument(metavar="ID", help="As `sojourn tickets` shows it.")],
    by: By = ANYBODY,
) -> None:
    """Close a ticket: somebody has dealt with it."""
    check_words("dealt with", by)
    run(_close(project_settings(), number, by))


async def _list(settings: Settings, limit: int, *, everything: bool, as_json: bool) -> None:
    store = await Store.open(settings.store_url)
    try:
        async with store.reading() as session:
            rows = await tickets.listed(session, everything=everything, limit=limit)
    finally:
        await store.close()
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


async def _close(settings: Settings, number: int, by: str) -> None:
    store = await Store.open(settings.store_url)
    try:
        async with store.transaction() as session:
            row = await tickets.close(session, number, by)
    finally:
        await store.close()
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
