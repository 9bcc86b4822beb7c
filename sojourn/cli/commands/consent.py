"""``sojourn consent``: what customers agreed to and refused; show, import, export."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from sojourn.cli.consent import exporting
from sojourn.cli.consent.consenting import import_file
from sojourn.cli.consent.exporting import COLUMNS
from sojourn.cli.consent.mapping import OWN, Reader, read_mapping, shipped_mapping
from sojourn.cli.fields import read_moment
from sojourn.cli.here import Here
from sojourn.cli.importing import Imported, Tally, show_report
from sojourn.cli.options import AsJson, DryRun, RefusedRows
from sojourn.cli.output import show_json, show_line, show_list
from sojourn.cli.progress import progress, told_how_far
from sojourn.cli.records import count_lines
from sojourn.cli.rows import Refused, refused_path, written
from sojourn.cli.running import run
from sojourn.domain.consent import Consents
from sojourn.domain.consent_words import since, standing
from sojourn.domain.errors import BadInput
from sojourn.domain.messages import Channel
from sojourn.domain.topics import Topics
from sojourn.insight.happenings import consented
from sojourn.insight.letters import unknown_customer
from sojourn.store import cards, consents
from sojourn.store.tables import ConsentRow

app = typer.Typer(
    help="Show, import and export what customers agreed to and refused.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command()
def show(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's id.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show a customer's statements of consent, oldest first, and what may be sent."""
    run(_show(Here.compose(), customer, as_json=as_json))


@app.command("import")
def import_them(
    file: Annotated[
        Path, typer.Argument(help="CSV with a header, or JSON lines; may be .gz; - is stdin.")
    ],
    *,
    form: Annotated[
        str | None,
        typer.Option("--format", help="klaviyo, mailchimp or brevo. Default: as `export` writes."),
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="A TOML file that says what columns mean.")
    ] = None,
    exported: Annotated[
        str | None,
        typer.Option(
            "--exported",
            metavar="MOMENT",
            help="When the file was made: a no without a date counts from then. Default: now.",
        ),
    ] = None,
    dry_run: DryRun = False,
    refused: RefusedRows = None,
    as_json: AsJson = False,
) -> None:
    """Record what the rows of a file say, each with its own date and source.

    A row belongs to the customer whose id it has, or else to the one who has its address. A file
    can be imported again, even after Ctrl-C: no statement is recorded twice, and an older yes
    never outweighs a later no.
    """
    if form is not None and mapping is not None:
        raise BadInput("give --format or --mapping, not both")
    here = Here.compose()
    now = datetime.now(UTC)
    since = read_moment(exported, "--exported") if exported else None
    meaning = read_mapping(mapping) if mapping else shipped_mapping(form or OWN)
    reader = Reader(meaning, here.project.topics, now, undated=since)
    report, rows = Imported(dry_run=dry_run), Refused(refused_path(file, refused))
    run(_import(here, file, reader, report, rows))
    show_report(report, rows, as_json=as_json)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="A new file, .csv or .jsonl; - is standard output.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False,
) -> None:
    """Write every statement of every customer to a file that `import` takes."""
    run(_export(Here.compose(), file, as_json=as_json))


async def _show(here: Here, customer_id: str, *, as_json: bool) -> None:
    async with here.store() as store, store.reading() as session:
        customer = await cards.find(session, customer_id)
        if customer is None:
            raise unknown_customer(customer_id)
        said = await consents.words(session, customer.customer_id)
    now = datetime.now(UTC)
    stands = standing(said, now)
    if as_json:
        show_json(
            {
                "customer_id": customer.customer_id,
                "opens": stands.opens,
                "permitted": _permitted(stands, here.project.topics),
                "statements": [exporting.shown(row) for row in said],
            }
        )
        return
    _show_words(said, now)
    show_line("\nWhat may be sent, as far as consent goes", style="bold")
    permitted = _permitted(stands, here.project.topics)
    show_list(
        ("topic", *Channel),
        (
            (topic, *(why or "yes" for why in by_channel.values()))
            for topic, by_channel in permitted.items()
        ),
    )
    opens = {True: "yes", False: "no", None: "never said"}[stands.opens]
    show_line(f"to be measured when e-mails are opened: {opens}")


def _show_words(said: Any, now: datetime) -> None:
    if not said:
        show_line("never said yes or no to anything")
        return
    show_list(
        ("counts from (UTC)", "said", "source", "wording", "until (UTC)"),
        (
            (
                since(row),
                consented(row).text,
                row.source,
                row.wording_version or row.wording,
                _until(row, now),
            )
            for row in said
        ),
    )


def _until(row: ConsentRow, now: datetime) -> str:
    if row.expires_at is None or not row.granted:
        return ""
    return f"{row.expires_at:%Y-%m-%d %H:%M}" + (", over" if row.expires_at <= now else "")


def _permitted(stands: Consents, topics: Topics) -> dict[str, dict[str, str | None]]:
    """Return for each promotional topic and channel why nothing may be sent; None if it may."""
    named = [topic.id for topic in topics.values() if topic.can_be_refused]
    spoken = [topic for _, topic in stands.topics_spoken_of if topic and topic not in topics]
    found: dict[str, dict[str, str | None]] = {}
    for topic in dict.fromkeys([*named, *sorted(spoken)]):
        own = topics.needs_own_yes(topic)
        found[topic] = {
            channel.value: stands.refusal(channel, topic, needs_own_yes=own) for channel in Channel
        }
    return found


async def _import(here: Here, file: Path, reader: Reader, report: Imported, rows: Refused) -> None:
    total = count_lines(file)
    async with here.store() as store:
        with progress("importing", total) as on_row:
            tally = Tally(report, rows, on_row)
            with told_how_far(tally.how_far):
                await import_file(store, file, reader, tally)


async def _export(here: Here, file: Path, *, as_json: bool) -> None:
    count = 0
    async with here.store() as store, store.reading() as session:
        with written(file, COLUMNS, as_json=as_json) as rows:
            async for row in exporting.statements(session):
                rows.write(row)
                count += 1
            async for row in exporting.refused_addresses(session):
                rows.write(row)
                count += 1
    typer.echo(f"{count} statements exported", err=True)
