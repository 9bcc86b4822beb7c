"""``sojourn suppressions``: addresses that get nothing; list, add, import, export, lift."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from sojourn.cli.addresses import read_address
from sojourn.cli.by_hand import ANYBODY, check_name, check_words
from sojourn.cli.here import Here
from sojourn.cli.importing import Imported, Tally, show_report
from sojourn.cli.options import (
    AsJson,
    By,
    ChannelName,
    DryRun,
    Limit,
    RefusedRows,
    Why,
    channel_named,
)
from sojourn.cli.output import show_json, show_line, show_list
from sojourn.cli.progress import progress, told_how_far
from sojourn.cli.records import count_lines
from sojourn.cli.rows import Refused, refused_path, written
from sojourn.cli.running import run
from sojourn.cli.suppressing import COLUMNS, Fallback, import_file, lift_address
from sojourn.domain.messages import Channel
from sojourn.store import suppressions
from sojourn.store.digests import is_digest
from sojourn.store.suppressions import Asked
from sojourn.store.tables import SuppressionRow

app = typer.Typer(
    help="List, add, import, export and lift suppressions: addresses that get nothing.",
    no_args_is_help=True,
    add_completion=False,
)

LIFTED = "lifted by sojourn suppressions lift"
Address = Annotated[str, typer.Argument(help="As the provider reported it, or as the card has it.")]
OfChannel = Annotated[str | None, typer.Option("--channel", help="Only of this channel.")]
Because = Annotated[
    str | None, typer.Option("--because", help="Only of this cause: bounced, complained, gone, ...")
]


@app.command("list")
def list_them(
    *,
    address: Annotated[
        str | None, typer.Argument(metavar="[ADDRESS]", help="Only of this one.")
    ] = None,
    channel: OfChannel = None,
    because: Because = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that were lifted.")] = False,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List suppressed addresses. An erased person's address can be found, but is not shown."""
    here = Here.compose()
    asked = Asked(
        channel=None if channel is None else channel_named(channel),
        because=because,
        address=address,
        lifted=everything,
    )
    run(_list(here, asked, limit, as_json=as_json))


@app.command()
def add(name: ChannelName, address: Address, *, why: Why, by: By = ANYBODY) -> None:
    """Send nothing more to an address, no matter which customer has it."""
    here, channel = Here.compose(), channel_named(name)
    check_words(why, by, here.project)
    run(_add(here, channel, read_address(channel, address), why, by))


@app.command("import")
def import_them(
    file: Annotated[
        Path, typer.Argument(help="CSV with a header, or JSON lines; may be .gz; - is stdin.")
    ],
    *,
    channel: Annotated[
        str | None, typer.Option("--channel", help="Of rows that name none.")
    ] = None,
    why: Annotated[
        str, typer.Option("--why", help="The cause of rows that name none.")
    ] = "imported",
    by: By = ANYBODY,
    dry_run: DryRun = False,
    refused: RefusedRows = None,
    as_json: AsJson = False,
) -> None:
    """Suppress the addresses of a file: columns channel, address, because, at, source.

    A file can be imported again, even after Ctrl-C: known suppressions stay as they are. A row that
    is dated before its address was lifted changes nothing.
    """
    here = Here.compose()
    check_words(why, by, here.project)
    fallback = Fallback(None if channel is None else channel_named(channel), why, by)
    report = Imported(dry_run=dry_run)
    rows = Refused(refused_path(file, refused))
    run(_import(here, file, fallback, report, rows))
    show_report(report, rows, as_json=as_json)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="A new file, .csv or .jsonl; - is standard output.")],
    *,
    channel: OfChannel = None,
    because: Because = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False,
) -> None:
    """Write the suppressed addresses to a file that `import` takes.

    Addresses of erased people are left out: nobody can read them any more.
    """
    here = Here.compose()
    asked = Asked(None if channel is None else channel_named(channel), because)
    run(_export(here, file, asked, as_json=as_json))


@app.command()
def lift(name: ChannelName, address: Address, *, why: Why = LIFTED, by: By = ANYBODY) -> None:
    """Let messages go to an address again. An earlier report does not undo it."""
    here, channel = Here.compose(), channel_named(name)
    check_name(by, here.project)
    run(lift_address(here, channel, address, why, by))


async def _list(here: Here, asked: Asked, limit: int, *, as_json: bool) -> None:
    async with here.store() as store, store.reading() as session:
        rows = [row async for row in suppressions.listed(session, asked, limit=limit)]
    if as_json:
        show_json([_shown(row) for row in rows])
        return
    if not rows:
        show_line("no such suppression")
        return
    show_list(
        ("channel", "address", "because", "since (UTC)", "source", "lifted (UTC)"),
        (
            (
                row.channel,
                "(erased)" if is_digest(row.address) else row.address,
                row.because,
                row.at,
                row.source,
                row.lifted_at,
            )
            for row in rows
        ),
    )
    if len(rows) == limit:
        show_line(f"the first {limit}; --limit lists more")


async def _add(here: Here, channel: Channel, address: str, why: str, by: str) -> None:
    async with here.store() as store, store.transaction() as session:
        is_new = await suppressions.add(
            session, channel, address, because=why, at=datetime.now(UTC), source=by
        )
    show_line(f"nothing is sent to {address} by {channel}" + ("" if is_new else ", as before"))


async def _import(
    here: Here, file: Path, fallback: Fallback, report: Imported, rows: Refused
) -> None:
    total = count_lines(file)
    async with here.store() as store:
        with progress("importing", total) as on_row:
            tally = Tally(report, rows, on_row)
            with told_how_far(tally.how_far):
                await import_file(store, file, fallback, tally)


async def _export(here: Here, file: Path, asked: Asked, *, as_json: bool) -> None:
    count = erased = 0
    async with here.store() as store, store.reading() as session:
        with written(file, COLUMNS, as_json=as_json) as rows:
            async for row in suppressions.listed(session, asked):
                if is_digest(row.address):
                    erased += 1
                    continue
                rows.write(row.model_dump())
                count += 1
    left = f"; {erased} of erased people cannot be read, and hold here alone" if erased else ""
    typer.echo(f"{count} suppressions exported{left}", err=True)


def _shown(row: SuppressionRow) -> dict[str, Any]:
    erased = is_digest(row.address)
    return {**row.model_dump(), "address": None if erased else row.address, "erased": erased}
