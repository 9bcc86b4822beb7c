"""``sojourn report``: what the messages did, in figures; in the terminal, or as a page."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from sojourn.cli.counting import count_first
from sojourn.cli.here import Here
from sojourn.cli.options import AsJson
from sojourn.cli.output import show_json, show_line
from sojourn.cli.reporting import plain, show_report, write_page
from sojourn.cli.running import run
from sojourn.domain.calendar import zone
from sojourn.domain.errors import BadInput, UnknownName
from sojourn.domain.measuring.attribution import Model
from sojourn.insight.reporting.figures import Asked, By
from sojourn.insight.reporting.languages import ENGLISH, language_of
from sojourn.insight.reporting.reading import read

app = typer.Typer(add_completion=False)
USUAL_DAYS = 30
MOST_DAYS = 36_500


@app.command()
def report(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[JOURNEY|CAMPAIGN]...", help="All of them if none is named."),
    ] = None,
    *,
    since: Annotated[
        str | None, typer.Option("--since", help="The first day, as 2026-11-01.")
    ] = None,
    days: Annotated[
        int | None,
        typer.Option(
            "--days", min=1, max=MOST_DAYS, help=f"So many days; {USUAL_DAYS} if none is given."
        ),
    ] = None,
    by: Annotated[
        str, typer.Option("--by", help=f"Split the figures by {', '.join(By)}.")
    ] = By.STEP.value,
    model: Annotated[
        str,
        typer.Option(
            "--model", help="The messages that orders are credited to: last, first, linear."
        ),
    ] = Model.LAST.value,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page into this file instead.")
    ] = None,
    language: Annotated[
        str | None,
        typer.Option("--language", help="The language of the page: en, it or pl; else English."),
    ] = None,
    as_counted: Annotated[
        bool, typer.Option("--as-counted", help="Leave uncounted what is not counted yet.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Tell what messages did: who entered, what left, why not, clicks, orders, revenue.

    Changes since the worker's last count are counted first.
    """
    if by not in list(By):
        raise UnknownName("column", by, list(By))
    if model not in list(Model):
        raise UnknownName("model", model, list(Model))
    if html is not None and as_json:
        raise BadInput("--html and --json: choose one")
    if language is not None and html is None:
        raise BadInput("--language is that of the page: add --html FILE")
    lang = language_of(language or "", ENGLISH)
    here = Here.compose()
    tz = zone(here.settings.timezone)
    first = first_day(since, days, datetime.now(UTC).astimezone(tz).date())
    asked = Asked(tz, tuple(names or ()), first, By(by), Model(model))
    run(_report(here, asked, html, lang, as_counted=as_counted, as_json=as_json))


def first_day(since: str | None, days: int | None, today: date) -> str:
    """Return the first day of a report.

    Args:
        since: the value of the option.
        days: the number of days, including today.
        today: today in the installation's time zone.

    Returns:
        ``2026-11-01``.

    Raises:
        BadInput: both are given, or the day is invalid.
    """
    if since is None:
        return (today - timedelta(days=(days or USUAL_DAYS) - 1)).isoformat()
    if days is not None:
        raise BadInput("--since and --days: choose one")
    try:
        return date.fromisoformat(since).isoformat()
    except ValueError:
        raise BadInput(f'--since: "{since[:40]}" is not a day: write it as 2026-11-01') from None


async def _report(
    here: Here, asked: Asked, html: Path | None, lang: str, *, as_counted: bool, as_json: bool
) -> None:
    async with here.store() as store:
        if not as_counted:
            await count_first(here, store, unless="--as-counted")
        async with store.reading() as session:
            found = await read(session, here.project, asked, everywhere=here.settings.holdout)
    if html is not None:
        write_page(found, here.settings.shop_name, html, lang)
        show_line(f"the report is in {html}")
    elif as_json:
        show_json(plain(found))
    else:
        show_report(found)
