"""``sojourn alerts``: what a person should look at; list, quiet, speak, test."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import uuid4

import typer

from sojourn.cli.by_hand import ANYBODY, check_words
from sojourn.cli.here import Here
from sojourn.cli.options import AsJson, By, Limit, Why
from sojourn.cli.output import show_json, show_line, show_list
from sojourn.cli.running import run
from sojourn.domain.alerts.alert import Kind
from sojourn.domain.errors import BadInput, Unavailable, UnknownName
from sojourn.insight.alerts.sinks import LOG, Said, sinks_of
from sojourn.store import alerts
from sojourn.store.tables import AlertQuietRow, AlertRow, AlertTellingRow

app = typer.Typer(
    help="List what a person should look at, keep an alert quiet, and try who is told.",
    no_args_is_help=True,
    add_completion=False,
)
Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="As `list` has it, or a kind alone: journey-silent:renewal, bounces-over.",
    ),
]
MOST_DAYS = 3650


@app.command("list")
def list_them(
    *,
    every: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List the alerts that stand, the newest first, and what is kept quiet."""
    run(_list(Here.compose(), limit, every=every, as_json=as_json))


@app.command()
def quiet(
    name: Name,
    *,
    why: Why,
    by: By = ANYBODY,
    days: Annotated[
        int | None,
        typer.Option("--days", min=1, max=MOST_DAYS, help="So long; else until `speak`."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Keep an alert quiet, or all of a kind: it is listed, and nobody is told of it."""
    here = Here.compose()
    check_words(why, by, here.project)
    run(_quiet(here, _checked(name), why, by, days, as_json=as_json))


@app.command()
def speak(name: Name, *, as_json: AsJson = False) -> None:
    """Keep an alert quiet no more: if it stands, it is told with the next look."""
    run(_speak(Here.compose(), name, as_json=as_json))


@app.command("test")
def try_them(*, as_json: AsJson = False) -> None:
    """Tell a test to all who are told of alerts, and say who could not be told."""
    run(_test(Here.compose(), as_json=as_json))


def _checked(name: str) -> str:
    kind, colon, about = name.partition(":")
    if kind not in list(Kind):
        raise UnknownName("kind of alert", kind, list(Kind))
    if colon and not about:
        raise BadInput(f'"{name}" ends with a colon: write what it is about, or {kind} for all')
    return name


async def _list(here: Here, limit: int, *, every: bool, as_json: bool) -> None:
    async with here.store() as store, store.reading() as session:
        rows = await alerts.listed(session, everything=every, limit=limit)
        untold = await alerts.untold(session)
        kept = await alerts.quiets(session, datetime.now(UTC))
    if as_json:
        show_json(
            {
                "alerts": [_plain(row, untold, kept) for row in rows],
                "quiet": [row.model_dump() for row in kept],
            }
        )
        return
    if not rows:
        show_line("no alert stands" if not every else "there has been no alert")
    for row in rows:
        over = f", over since {row.over_at:%Y-%m-%d %H:%M}" if row.over_at else ""
        silent = ", kept quiet" if alerts.is_quiet(row.name, kept) else ""
        show_line(
            f"{row.name}  since {row.began_at:%Y-%m-%d %H:%M} UTC{over}{silent}", style="bold"
        )
        show_line(f"  {row.line}")
        for word in (one for one in untold if one.alert_id == row.id):
            show_line(f"  {word.sink} was not told: {word.fault}, {_next(word)}")
        for command in row.look if row.over_at is None else ():
            show_line(f"  {command}")
    if kept:
        show_line("")
        show_list(
            ("kept quiet", "until (UTC)", "by", "why"),
            ((row.name, row.until or "-", row.by, row.because) for row in kept),
        )


async def _quiet(
    here: Here, name: str, why: str, by: str, days: int | None, *, as_json: bool
) -> None:
    now = datetime.now(UTC)
    until = None if days is None else now + timedelta(days=days)
    async with here.store() as store, store.transaction() as session:
        await alerts.keep_quiet(session, name, until=until, because=why, by=by, at=now)
    if as_json:
        show_json({"name": name, "until": until})
        return
    end = f"until {until:%Y-%m-%d %H:%M} UTC" if until else f'until `sojourn alerts speak "{name}"`'
    show_line(f"{name} is kept quiet {end}")


async def _speak(here: Here, name: str, *, as_json: bool) -> None:
    async with here.store() as store, store.transaction() as session:
        kept = [row.name for row in await alerts.quiets(session, datetime.now(UTC))]
        if not await alerts.speak_up(session, name):
            raise UnknownName("alert that is kept quiet", name, kept)
    if as_json:
        show_json({"name": name})
        return
    show_line(f"{name} is kept quiet no more")


async def _test(here: Here, *, as_json: bool) -> None:
    said = Said(
        id=f"alert_test_{uuid4().hex}",
        word=None,
        name="test:alerts",
        line=f"This is a test of the alerts of {here.settings.shop_name}. Nothing is wrong.",
        at=datetime.now(UTC),
    )
    sinks = [sink for sink in sinks_of(here.settings) if sink.name != LOG]
    faults = {sink.name: await sink.tell(said) for sink in sinks}
    if as_json:
        show_json([{"sink": name, "fault": fault or None} for name, fault in faults.items()])
    else:
        for name, fault in faults.items():
            show_line(f"{name}: {fault or 'told'}")
        if not faults:
            show_line(
                "only the workers' log is told: set SOJOURN_ALERTS_WEBHOOK or SOJOURN_ALERTS_TO"
            )
    if failed := [name for name, fault in faults.items() if fault]:
        raise Unavailable(f"could not be told: {', '.join(failed)}")


def _plain(
    row: AlertRow, untold: list[AlertTellingRow] | Any, kept: list[AlertQuietRow] | Any
) -> dict[str, Any]:
    return {
        **row.model_dump(exclude={"id"}),
        "quiet": alerts.is_quiet(row.name, kept),
        "untold": [
            {"sink": word.sink, "word": word.word, "fault": word.fault, "tries": word.tries,
             "again_at": word.tell_at}
            for word in untold
            if word.alert_id == row.id
        ],
    }  # fmt: skip


def _next(word: AlertTellingRow) -> str:
    return (
        f"again at {word.tell_at:%H:%M} UTC"
        if word.tell_at
        else f"given up after {word.tries} tries"
    )
