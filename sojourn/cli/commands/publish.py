"""``sojourn publish``: one event, or a file of Segment calls."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer

from sojourn.cli.fields import check_rate, read_fields, read_moment
from sojourn.cli.here import Here
from sojourn.cli.options import AsJson
from sojourn.cli.output import show_counts, show_json, show_line, stderr
from sojourn.cli.progress import list_bad, progress, told_how_far
from sojourn.cli.publishing import FilePublished, publish_file
from sojourn.cli.records import STDIN, count_lines
from sojourn.cli.running import run
from sojourn.dispatch import Published
from sojourn.domain.errors import BadInput, TemporalUnavailable
from sojourn.domain.events import UnknownEvent, read_event
from sojourn.store import cards, events

app = typer.Typer(add_completion=False)


@app.command()
def publish(
    *,
    event: Annotated[
        str | None,
        typer.Argument(
            metavar="EVENT", help='"Order Completed"; or - for calls on standard input.'
        ),
    ] = None,
    customer: Annotated[
        str | None, typer.Argument(metavar="CUSTOMER", help="Whose event it is.")
    ] = None,
    fields: Annotated[
        list[str] | None, typer.Argument(metavar="FIELD=VALUE", help="Of the event.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            help="Publish every Segment call in it (identify, track, alias), one JSON object a "
            "line; may be .gz; - is standard input."
        ),
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="With --file: calls a second. Default: no limit.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="When it happened: 2024-01-04T11:45:38Z. Default: now.")
    ] = None,
    message_id: Annotated[
        str | None, typer.Option("--id", help="Its message id; the same twice is once.")
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Also an event or a field that nobody described.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Publish one event of a customer, or a file of Segment calls.

    It names the runs that an event reached. A file can be published again, even after Ctrl-C: no
    event is stored twice.
    """
    check_rate(rate)
    if event == str(STDIN) and customer is None and file is None:
        event, file = None, STDIN
    if file is not None:
        if event is not None or message_id is not None or at is not None:
            raise BadInput("--file brings its own events: leave out EVENT, CUSTOMER, --id and --at")
        report = FilePublished()
        run(_publish_file(Here.compose(), file, report, rate, as_json=as_json))
        if report.rejected or report.left_out:
            raise typer.Exit(1)
        return
    if event is None or customer is None:
        raise BadInput('give an event and a customer ("Order Completed" c42), or --file')
    here = Here.compose()
    catalogue = here.project.events
    known = catalogue.get(event) if anyway else catalogue.named(event)
    given = read_fields(fields or [], known, any_name=anyway)
    run(
        _publish_one(
            here,
            event,
            given,
            customer=customer,
            message_id=message_id or str(uuid4()),
            at=read_moment(at),
            as_json=as_json,
        )
    )


async def _publish_one(
    here: Here,
    name: str,
    given: dict[str, Any],
    *,
    customer: str,
    message_id: str,
    at: datetime,
    as_json: bool,
) -> None:
    known = here.project.events.get(name, UnknownEvent)
    # a person who types an event can mend it at once: nothing is left out of it
    read_event(known, given, message_id=message_id, customer_id=customer, at=at)
    async with here.sojourn(lazy=True) as sojourn:
        away = ""
        try:
            published = await sojourn.track(
                name, given, message_id=message_id, customer_id=customer, occurred_at=at
            )
        except TemporalUnavailable as error:  # it is stored: a gateway would have taken it, too
            published, away = Published(message_id, stored=True), str(error)
        async with sojourn.store.reading() as session:
            card = await cards.find(session, customer)
            row = await events.find(session, published.message_id)
        listening = list(sojourn.project.journeys.heard_by(row.name)) if row else []
    identified = card is not None and card.known
    if as_json:
        show_json(
            {
                "event": name,
                "customer_id": customer,
                "identified": identified,
                "message_id": published.message_id,
                "stored": published.stored,
                "listening": listening,
                "runs": list(published.runs),
                "told": not away,
                "notes": [str(note) for note in published.notes],
            }
        )
    else:
        show_line(_told(name, published, listening, away=bool(away)))
        for note in published.notes:
            show_line(f"{note.path} {note.reason}")
    _say_away(away)
    if as_json:
        return
    if not identified:
        stderr.print(
            f"customer {customer} is not identified: runs go on, but nothing is sent to them",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


def _say_away(away: str) -> None:
    if away:
        stderr.print(
            f"Temporal is away, and runs are told by the next sweep of a worker: {away}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


def _told(name: str, published: Published, listening: list[str], *, away: bool) -> str:
    if not published.stored:
        again = f"; runs told now: {', '.join(published.runs)}" if published.runs else ""
        return f"nothing new: an event with the id {published.message_id} was stored before{again}"
    stored = f'"{name}" is stored (message id {published.message_id})'
    if published.runs:
        return f"{stored} and reached {', '.join(published.runs)}"
    if away:
        return stored
    if listening:
        return f"{stored}; {' and '.join(listening)} would hear it, but has no run it concerns"
    return f"{stored}; no journey listens to it"


async def _publish_file(
    here: Here, path: Path, report: FilePublished, rate: float | None, *, as_json: bool
) -> None:
    total = count_lines(path)
    async with here.sojourn(lazy=True) as sojourn:
        with (
            told_how_far(lambda: f"read {report.read} lines; publish the same file again to go on"),
            progress("publishing", total) as on_line,
        ):
            await publish_file(sojourn, path, report, rate=rate, on_line=on_line)
    if as_json:
        show_json(report.model_dump())
    else:
        _summarise(report)
    _say_away(report.away)


def _summarise(report: FilePublished) -> None:
    show_counts(
        {
            "lines read": report.read,
            "events stored": report.stored,
            "events stored before": report.repeated,
            "customers made or updated": report.identified,
            "customers joined": report.joined,
            "calls of other types, ignored": report.ignored,
            "traits left out, the rest was taken": len(report.left_out),
            "bad lines, nothing of them was published": len(report.rejected),
        }
    )
    if report.left_out:
        show_line(list_bad(report.left_out))
    if report.rejected:
        show_line(list_bad(report.rejected))
