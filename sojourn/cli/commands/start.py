"""``sojourn start``: start a journey for one customer, or for a file of them."""

from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from sojourn.cli.entry import Entry, entry_of
from sojourn.cli.fields import check_rate, read_fields, read_moment
from sojourn.cli.here import Here
from sojourn.cli.options import AsJson
from sojourn.cli.output import show_counts, show_json, show_line
from sojourn.cli.progress import list_bad, progress, told_how_far
from sojourn.cli.records import count_lines
from sojourn.cli.running import run
from sojourn.cli.starting import (
    FileStarted,
    Standing,
    Started,
    Starting,
    foreseen,
    freeze,
    start_one,
)
from sojourn.cli.switching import check_entries
from sojourn.domain.audience import Audience
from sojourn.domain.errors import BadInput
from sojourn.domain.events import Event
from sojourn.domain.list_name import is_list_name

app = typer.Typer(add_completion=False)


@app.command()
def start(
    *,
    journey: Annotated[str, typer.Argument(metavar="JOURNEY", help="Alone, it tells its fields.")],
    customer: Annotated[str | None, typer.Argument(metavar="CUSTOMER", help="Who starts.")] = None,
    fields: Annotated[
        list[str] | None, typer.Argument(metavar="FIELD=VALUE", help="Of the starting event.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            help="Start everybody in it: CSV with a header, or JSON lines; may be .gz; - is "
            "standard input. Fields: customer_id and those of the event."
        ),
    ] = None,
    audience: Annotated[
        str | None, typer.Option(help="Start everybody who is in it now, and nobody twice.")
    ] = None,
    label: Annotated[
        str, typer.Option("--as", help="With --audience: another label is another enrolment.")
    ] = "first",
    rate: Annotated[float, typer.Option(help="With --file or --audience: starts a second.")] = 50,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything and say what would start.")
    ] = False,
    at: Annotated[
        str | None, typer.Option(help="When it happened: 2024-01-04T11:45:38Z. Default: now.")
    ] = None,
    message_id: Annotated[
        str | None, typer.Option("--id", help="The event's message id; the same twice is once.")
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Also customers that nobody identified.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Start a journey for one customer, or for a file of them.

    It publishes the first of the journey's starting events; JOURNEY alone shows it and its fields.

    An open run is left alone.

    A file can be run again, even after Ctrl-C: it starts nobody twice. So can --audience: its first
    call notes who is in the audience, and later calls start nobody else.
    """
    here = Here.compose()
    entry = entry_of(here.project.journeys, journey)
    check_rate(rate)
    if file is not None:
        if customer is not None or message_id is not None:
            raise BadInput("--file brings its own customers and ids: leave out CUSTOMER and --id")
        report = FileStarted(journey=journey, event=entry.event.event_name, dry_run=dry_run)
        run(
            _start_file(here, entry, file, report, at=at, rate=rate, anyway=anyway, as_json=as_json)
        )
        if report.rejected:
            raise typer.Exit(1)
        return
    if audience is not None:
        _check_audience(customer, message_id, label)
        words = [*([customer] if customer else []), *(fields or [])]
        report = FileStarted(journey=journey, event=entry.event.event_name, dry_run=dry_run)
        who = here.project.audiences.named(audience)
        run(
            _start_audience(
                here,
                entry,
                who,
                report,
                label=label,
                words=words,
                at=at,
                rate=rate,
                anyway=anyway,
                as_json=as_json,
            )
        )
        if report.rejected:
            raise typer.Exit(1)
        return
    if customer is None:
        raise BadInput(
            f"{journey} starts on {entry.fields}: give a CUSTOMER and fields, --file or --audience"
        )
    given = read_fields(fields or [], entry.event)
    if missing := entry.missing(given):
        raise BadInput(f"{missing} missing: {journey} starts on {entry.fields}")
    event = entry.read(given, customer, message_id=message_id or str(uuid4()), at=read_moment(at))
    run(_start_one(here, entry, event, anyway=anyway, dry_run=dry_run, as_json=as_json))


async def _start_one(
    here: Here, entry: Entry, event: Event, *, anyway: bool, dry_run: bool, as_json: bool
) -> None:
    async with here.sojourn() as sojourn:
        await check_entries(sojourn.store, here.project, entry.name)
        started = await start_one(sojourn, entry, event, anyway=anyway, dry_run=dry_run)
    if as_json:
        show_json({**started.model_dump(), "dry_run": dry_run})
    else:
        show_line(_told(started, dry_run=dry_run))


def _told(started: Started, *, dry_run: bool) -> str:
    name = started.workflow_id
    match started.standing:
        case Standing.STARTED if dry_run:
            return f'would start {name} by "{started.event}"'
        case Standing.STARTED:
            return f'started {name} by "{started.event}" (message id {started.message_id})'
        case Standing.RUNNING:
            return (
                f"{name} is on already and was left alone; "
                f"`sojourn publish` tells it of an event, `sojourn explain` what it waits for"
            )
        case Standing.BEFORE:
            return f"nothing new: an event with the id {started.message_id} was published before"
        case Standing.OVER:
            return f"{name} was not started: `sojourn explain` says why"


def _check_audience(customer: str | None, message_id: str | None, label: str) -> None:
    if message_id is not None or (customer is not None and "=" not in customer):
        raise BadInput("--audience brings its own customers and ids: leave out CUSTOMER and --id")
    if not is_list_name(label):
        raise BadInput(f"--as {label}: write small letters, digits and hyphens: autumn-2026")


async def _start_audience(
    here: Here,
    entry: Entry,
    audience: Audience,
    report: FileStarted,
    *,
    label: str,
    words: list[str],
    at: str | None,
    rate: float,
    anyway: bool,
    as_json: bool,
) -> None:
    given = read_fields(words, entry.event)
    if missing := entry.missing(given):
        raise BadInput(f"{missing} missing: {entry.name} starts on {entry.fields}")
    moment = read_moment(at)
    async with here.sojourn() as sojourn:
        await check_entries(sojourn.store, here.project, entry.name)
        if report.dry_run:
            report.read = await foreseen(sojourn, audience, moment)
        else:
            frozen, total = await freeze(sojourn, entry, audience, label, moment)
            with (
                told_how_far(
                    lambda: f"started {report.started} so far; run the same command again to go on"
                ),
                progress(f"starting {entry.name}", total) as on_line,
            ):
                starting = Starting(
                    sojourn, entry, report, at=moment, rate=rate, anyway=anyway, on_line=on_line
                )
                await starting.listed(frozen, given)
    if as_json:
        show_json(report.model_dump())
    elif report.dry_run:
        show_line(
            f"{report.read} in {audience.name}: each would start {entry.name}, if it lets them in"
        )
    else:
        _summarise(report)


async def _start_file(
    here: Here,
    entry: Entry,
    path: Path,
    report: FileStarted,
    *,
    at: str | None,
    rate: float,
    anyway: bool,
    as_json: bool,
) -> None:
    moment = read_moment(at)
    total = count_lines(path)
    label = f"{'checking' if report.dry_run else 'starting'} {entry.name}"
    async with here.sojourn() as sojourn:
        await check_entries(sojourn.store, here.project, entry.name)
        with (
            told_how_far(
                lambda: f"started {report.started} so far; run the same file again to go on"
            ),
            progress(label, total) as on_line,
        ):
            starting = Starting(
                sojourn, entry, report, at=moment, rate=rate, anyway=anyway, on_line=on_line
            )
            await starting.file(path)
    if as_json:
        show_json(report.model_dump())
    else:
        _summarise(report)


def _summarise(report: FileStarted) -> None:
    verb = "would start" if report.dry_run else "started"
    show_counts(
        {
            "lines read": report.read,
            f'{verb} by "{report.event}"': report.started,
            "started by this file before": report.before,
            "on already, left alone": report.running,
            "not started, `sojourn explain` says why": report.over,
            "bad lines, nothing of them was published": len(report.rejected),
        }
    )
    if report.rejected:
        show_line(list_bad(report.rejected))
    if report.unused:
        unused = ", ".join(report.unused)
        show_line(f'not used, for "{report.event}" has no such field: {unused}')
