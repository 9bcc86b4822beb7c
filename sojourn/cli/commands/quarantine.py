"""``sojourn quarantine``: calls that do not validate; list, show, mend, redrive or drop them.

They include webhooks that were refused as a whole.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError

from sojourn.cli.fields import value_of
from sojourn.cli.here import Here
from sojourn.cli.options import AsJson, Limit
from sojourn.cli.output import as_json as json_text
from sojourn.cli.output import show_json, show_line, show_list
from sojourn.cli.running import run
from sojourn.dispatch import Sojourn
from sojourn.dispatch.quarantine import IDENTIFY, found, to_send
from sojourn.dispatch.quarantine import drop as drop_call
from sojourn.dispatch.quarantine import mend as mend_call
from sojourn.dispatch.quarantine import redrive as redrive_call
from sojourn.domain.errors import BadEvent, BadInput
from sojourn.domain.events import Moment
from sojourn.gateway.redriving import redrive as redrive_request
from sojourn.gateway.webhooks.refused import is_webhook, reread
from sojourn.gateway.webhooks.routes import configured
from sojourn.gateway.webhooks.source import Source
from sojourn.store import quarantine as kept
from sojourn.store.tables import QuarantineRow

app = typer.Typer(add_completion=False)
_MOMENT = TypeAdapter(Moment)

Number = Annotated[int, typer.Argument(metavar="ID", help="As `sojourn quarantine` lists it.")]


@app.callback(invoke_without_command=True)
def quarantine(
    context: typer.Context,
    *,
    event: Annotated[str | None, typer.Option(help="Only of this event.")] = None,
    reason: Annotated[
        str | None, typer.Option(help="Only where the fault has this text in it.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Only received since: 2024-01-04T11:45:38Z.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that were redriven or dropped.")
    ] = False,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List the calls that do not validate, oldest first; mend, redrive or drop them.

    The list shows no property of a call, since it may be personal; `show` shows them all.
    """
    if context.invoked_subcommand is not None:
        if any((event, reason, since, everything, as_json)):
            raise BadInput(f"write options after {context.invoked_subcommand}, not before it")
        return
    here = Here.compose()
    if event is not None:
        _check_name(here, event)
    moment = _since(since)

    async def work() -> None:
        async with here.store() as store, store.reading() as session:
            rows = await kept.listed(
                session, name=event, reason=reason, since=moment, settled=everything, limit=limit
            )
        if as_json:
            show_json([_facts(row) for row in rows])
        else:
            _list(list(rows), limit)

    run(work())


@app.command()
def show(number: Number, *, as_json: AsJson = False) -> None:
    """Show the whole of one call, and its fault."""
    run(_show(Here.compose(), number, as_json=as_json))


async def _show(here: Here, number: int, *, as_json: bool) -> None:
    async with here.store() as store:
        row = await found(store, number)
    if as_json:
        show_json({**_facts(row), "call": row.call})
        return
    facts = {
        "call": number,
        "received": f"{row.received_at:%Y-%m-%d %H:%M:%S} UTC from {row.source}",
        "fault": f"{row.path}: {row.reason}",
        "state": _state(row),
    }
    for name, value in facts.items():
        show_line(f"{name:<9} {value}")
    show_line(f"\n{json_text(row.call)}")


@app.command()
def mend(
    number: Number,
    *,
    changes: Annotated[
        list[str],
        typer.Option(
            "--set",
            metavar="PATH=VALUE",
            help="properties.price=12.5: the path as in the fault, JSON or else text. Repeatable.",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Mend a call and show what `redrive` will send.

    A call that still does not validate stays as it was.
    """
    given = [_change(change) for change in changes]
    run(_mend(Here.compose(), number, given, as_json=as_json))


async def _mend(here: Here, number: int, given: list[tuple[str, Any]], *, as_json: bool) -> None:
    async with here.store() as store:
        before = await found(store, number)
        is_request = is_webhook(before)
        try:
            if is_request:
                no_json = isinstance(before.call["body"], str)  # then the whole body must be mended
                inside = [
                    (path if no_json and path == "body" else f"body.{path}", value)
                    for path, value in given
                ]
                row = await mend_call(
                    store, number, inside, check=lambda one: reread(one, _sources(here))
                )
            else:
                row = await mend_call(store, number, given, here.project.events)
        except BadEvent as error:
            raise BadInput(f"call {number} stays as it was: {error}") from None
    call = row.call if is_request else to_send(row)
    if as_json:
        show_json({**_facts(row), "call": call})
        return
    show_line(json_text(call))
    show_line(f"call {number} validates now: `sojourn quarantine redrive {number}` sends it")


@app.command()
def redrive(
    number: Annotated[int | None, typer.Argument(metavar="[ID]", help="Only this call.")] = None,
    *,
    event: Annotated[str | None, typer.Option(help="Every open call of this event.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every open call.")] = False,
    as_json: AsJson = False,
) -> None:
    """Publish calls with the message id and the moment that they came with.

    A call that is taken is settled; a call that still does not validate stays. The same call sent
    twice, even after Ctrl-C, is one event.
    """
    if [number is not None, event is not None, everything].count(True) != 1:
        raise BadInput("give one of ID, --event NAME and --all")
    here = Here.compose()
    if event is not None:
        _check_name(here, event)
    report: dict[str, list[Any]] = {"redriven": [], "faults": []}

    async def work() -> None:
        async with here.sojourn() as sojourn:
            async with sojourn.store.reading() as session:
                numbers = (
                    [number] if number is not None else await kept.open_numbers(session, name=event)
                )
            for each in numbers:
                await _redrive(here, sojourn, each, report)

    try:
        run(work())
    except BaseException:
        if any(report.values()):  # even Ctrl-C leaves a finished part
            _tell(report, as_json=as_json)
        raise
    _tell(report, as_json=as_json)
    if report["faults"]:
        raise typer.Exit(1)


@app.command()
def drop(number: Number) -> None:
    """Settle a call without sending it. It is kept, and `--all` lists it."""
    run(_drop(Here.compose(), number))


async def _drop(here: Here, number: int) -> None:
    async with here.store() as store:
        await drop_call(store, number)
    show_line(f"call {number} is dropped")


async def _redrive(here: Here, sojourn: Sojourn, number: int, report: dict[str, list[Any]]) -> None:
    try:
        row = await found(sojourn.store, number)
        if is_webhook(row) and row.settled_at is None:
            done = await redrive_request(sojourn, row, _sources(here))
            report["redriven"].append(
                {
                    "id": number,
                    "message_id": ", ".join(done.message_ids),
                    "stored": done.stored,
                    "runs": list(done.runs),
                }
            )
            return
        published = await redrive_call(sojourn, number)
    except BadEvent as error:
        report["faults"].append({"id": number, "fault": str(error)})
        return
    report["redriven"].append(
        {
            "id": number,
            "message_id": published.message_id,
            "stored": published.stored,
            "runs": list(published.runs),
        }
    )


def _tell(report: dict[str, list[Any]], *, as_json: bool) -> None:
    if as_json:
        show_json(report)
        return
    for done in report["redriven"]:
        told = f"runs: {', '.join(done['runs'])}" if done["runs"] else "no run concerned"
        before = "" if done["stored"] else "stored before; "
        show_line(f"call {done['id']} is redriven; {before}{told}")
    for left in report["faults"]:
        show_line(f"call {left['id']} stays: {left['fault']}", style="red")
    if not report["redriven"] and not report["faults"]:
        show_line("nothing was redriven")


def _check_name(here: Here, name: str) -> None:
    if "/" not in name and name != IDENTIFY:  # else it is a webhook's topic: shopify orders/create
        here.project.events.named(name)


def _sources(here: Here) -> Mapping[str, Source]:
    return configured(here.settings, here.project.events, own=here.project.sources).named


def _since(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return _MOMENT.validate_python(text)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise BadInput(f'--since "{text}": {reason[:1].lower() + reason[1:]}') from None


def _change(text: str) -> tuple[str, Any]:
    path, equals, value = text.partition("=")
    if not equals or not path:
        raise BadInput(f'"{text}" is not a change: write --set properties.price=12.5')
    return path, value_of(value, typed=False)


def _facts(row: QuarantineRow) -> dict[str, Any]:
    """Return the facts on a call, without anything that it says about the customer."""
    return {
        "id": row.id,
        "event": row.name,
        "customer_id": _text(row.call.get("userId")),
        "message_id": _text(row.call.get("messageId")),
        "path": row.path,
        "reason": row.reason,
        "source": row.source,
        "received_at": row.received_at,
        "mended_at": row.mended_at,
        "settled_at": row.settled_at,
        "outcome": row.outcome,
    }


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None if value is None else json.dumps(value)


def _list(rows: list[QuarantineRow], limit: int) -> None:
    if not rows:
        show_line("no such call in quarantine")
        return
    show_list(
        ("id", "received (UTC)", "event", "source", "state", "fault"),
        (
            (
                row.id,
                row.received_at,
                row.name,
                row.source,
                _state(row),
                f"{row.path}: {row.reason}",
            )
            for row in rows
        ),
    )
    if len(rows) == limit:
        show_line(f"the oldest {limit}; --limit lists more")


def _state(row: QuarantineRow) -> str:
    return row.outcome or ("mended" if row.mended_at else "open")
