"""``sojourn audience``: the project's audiences; list, count, show, explain, import."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from sojourn.cli.by_hand import ANYBODY, check_name
from sojourn.cli.here import Here
from sojourn.cli.importing import Imported, Tally, show_report
from sojourn.cli.listing import COLUMN, import_list
from sojourn.cli.options import AsJson, By, DryRun, RefusedRows
from sojourn.cli.output import show_json, show_line, show_list
from sojourn.cli.progress import progress, told_how_far
from sojourn.cli.records import count_lines
from sojourn.cli.rows import Refused, refused_path
from sojourn.cli.running import run
from sojourn.domain.audience import Audience
from sojourn.domain.errors import BadInput
from sojourn.domain.facts import lists_of
from sojourn.domain.list_name import is_list_name
from sojourn.insight import audiences
from sojourn.insight.audiences import Shown
from sojourn.store import lists, members
from sojourn.store.tables import AudienceRow

app = typer.Typer(
    help="List, count, show and explain audiences; import lists of customers.",
    no_args_is_help=True,
    add_completion=False,
)

Name = Annotated[str, typer.Argument(metavar="AUDIENCE", help="As the project names it.")]


@app.command("list")
def list_them(*, as_json: AsJson = False) -> None:
    """List the project's audiences, and the lists of customers that were imported."""
    run(_list(Here.compose(), as_json=as_json))


@app.command()
def count(name: Name, *, as_json: AsJson = False) -> None:
    """Count the customers of an audience, now."""
    here = Here.compose()
    run(_count(here, here.project.audiences.named(name), as_json=as_json))


@app.command()
def show(name: Name, *, as_json: AsJson = False) -> None:
    """Show an audience: how many, where, in which language, by which channel, and a sample."""
    here = Here.compose()
    run(_show(here, here.project.audiences.named(name), as_json=as_json))


@app.command()
def explain(
    name: Name,
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="Any id of the customer.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show for each clause of an audience whether it holds for a customer, and what was found."""
    here = Here.compose()
    run(_explain(here, here.project.audiences.named(name), customer, as_json=as_json))


@app.command("import")
def import_them(
    name: Annotated[
        str, typer.Argument(metavar="LIST", help="In small letters; listed() asks for it.")
    ],
    file: Annotated[
        Path, typer.Argument(help="CSV with a header, or JSON lines; may be .gz; - is stdin.")
    ],
    *,
    column: Annotated[
        str, typer.Option("--column", help="The column with the id of each customer.")
    ] = COLUMN,
    remove: Annotated[bool, typer.Option("--remove", help="Take them off the list.")] = False,
    by: By = ANYBODY,
    dry_run: DryRun = False,
    refused: RefusedRows = None,
    as_json: AsJson = False,
) -> None:
    """Put the customers of a file on a list, or take them off it.

    A file can be imported again, even after Ctrl-C: customers on the list stay as they are.
    """
    here = Here.compose()
    check_name(by, here.project)
    if not is_list_name(name):
        raise BadInput(
            f"{name}: a list has a name of small letters, digits and hyphens: trade-fair"
        )
    report = Imported(dry_run=dry_run)
    rows = Refused(refused_path(file, refused))
    run(_import(here, name, file, report, rows, column=column, by=by, remove=remove))
    show_report(
        report, rows, as_json=as_json, unit="customers taken off" if remove else "customers put on"
    )


async def _list(here: Here, *, as_json: bool) -> None:
    async with here.store() as store, store.reading() as session:
        looked, sizes = await members.looks(session), dict(await lists.sizes(session))
    every = list(here.project.audiences.values())
    asked = {name: number for name, number in sizes.items() if is_list_name(name)}
    asked |= {name: 0 for one in every for name in lists_of(one.who) if name not in asked}
    if as_json:
        found = [_listed(one, looked.get(one.name)) for one in every]
        show_json({"audiences": found, "lists": asked})
        return
    if not every and not asked:
        show_line("no audience, and no list: a project has its audiences in audiences/")
        return
    if every:
        show_list(
            ("audience", "watched", "last look (UTC)", "of", "who"),
            (
                (
                    one.name,
                    "yes" if one.watched else "",
                    row.looked_at if one.watched and (row := looked.get(one.name)) else None,
                    row.size if one.watched and row and row.looked_at else None,
                    one.about or one.who,
                )
                for one in every
            ),
        )
    if asked:
        show_list(("list", "customers"), sorted(asked.items()))


def _listed(audience: Audience, row: AudienceRow | None) -> dict[str, Any]:
    seen = row if audience.watched and row and row.looked_at else None
    return {
        "name": audience.name,
        "about": audience.about,
        "who": str(audience.who),
        "watched": audience.watched,
        "looked_at": seen.looked_at if seen else None,
        "took_ms": seen.took_ms if seen else None,
        "size": seen.size if seen else None,
    }


async def _count(here: Here, audience: Audience, *, as_json: bool) -> None:
    async with here.store() as store, store.reading() as session:
        number = await audiences.count(session, here.project, audience, datetime.now(UTC))
    if as_json:
        show_json({"audience": audience.name, "number": number})
    else:
        show_line(f"{number} in {audience.name}")


async def _show(here: Here, audience: Audience, *, as_json: bool) -> None:
    async with here.store() as store, store.reading() as session:
        found = await audiences.show(session, here.project, audience, datetime.now(UTC))
    if as_json:
        show_json(found.model_dump())
    else:
        _tell(found)


def _tell(found: Shown) -> None:
    show_line(f"{found.number} in {found.name}", style="bold")
    for line in filter(None, (found.about, f"who: {found.who}")):
        show_line(line)
    if not found.number:
        return
    show_line("")
    show_list(
        ("channel", "have an address", "agree to offers"),
        ((one.channel, one.address, one.agreed) for one in found.reach),
    )
    for title, groups in (("language", found.languages), ("time zone", found.zones)):
        show_line("")
        show_list((title, "customers"), ((one.name or "(not told)", one.number) for one in groups))
    show_line("")
    show_list(
        ("for example", "e-mail", "phone", "locale", "time zone"),
        ((c.customer_id, c.email, c.phone, c.locale, c.timezone) for c in found.sample),
    )


async def _explain(here: Here, audience: Audience, customer_id: str, *, as_json: bool) -> None:
    async with here.store() as store, store.reading() as session:
        found = await audiences.explain(
            session, here.project, audience, customer_id, datetime.now(UTC)
        )
    if as_json:
        lines = list(found.lines())
        show_json(
            {
                "audience": audience.name,
                "customer_id": customer_id,
                "inside": found.holds is True,
                "because": found.because,
                "lines": lines,
            }
        )
        return
    inside = "is in" if found.holds else "is not in"
    show_line(f"{customer_id} {inside} {audience.name}: {found.because}", style="bold")
    for line in found.lines():
        show_line(line)


async def _import(
    here: Here,
    name: str,
    file: Path,
    report: Imported,
    rows: Refused,
    *,
    column: str,
    by: str,
    remove: bool,
) -> None:
    total = count_lines(file)
    async with here.store() as store:
        with progress("importing", total) as on_row:
            tally = Tally(report, rows, on_row)
            with told_how_far(tally.how_far):
                await import_list(store, name, file, tally, column=column, by=by, remove=remove)
