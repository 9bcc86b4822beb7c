"""``sojourn message``: every message as it was sent."""

from pathlib import Path
from typing import Annotated

import typer

from sojourn.cli.here import Here
from sojourn.cli.options import AsJson, Limit
from sojourn.cli.output import show_json, show_line, show_list
from sojourn.cli.running import run
from sojourn.domain.errors import BadInput
from sojourn.insight import archive
from sojourn.insight.archive import Archived
from sojourn.insight.letters import write_page

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def message() -> None:
    """Show a message as it was sent; list them by customer, run or provider's id."""


@app.command()
def show(
    name: Annotated[
        str,
        typer.Argument(metavar="MESSAGE", help="Number, message id, reference or provider's id."),
    ],
    *,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write it as a page, for its owner alone."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a message as it was sent."""
    run(_show(Here.compose(), name, html, as_json=as_json))


@app.command("list")
def list_messages(
    *,
    customer: Annotated[str | None, typer.Option("--customer", help="Any id.")] = None,
    run_id: Annotated[str | None, typer.Option("--run", help="As `sojourn runs` shows it.")] = None,
    provider_id: Annotated[
        str | None, typer.Option("--provider-id", help="The provider's.")
    ] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List the messages that were handed over, newest first."""
    run(_list(Here.compose(), customer, run_id, provider_id, limit, as_json=as_json))


async def _show(here: Here, name: str, html: Path | None, *, as_json: bool) -> None:
    async with here.store() as store:
        found = await archive.named(store, name)
    if html is not None:
        _write(found[0], html)
    elif as_json:
        show_json([one.model_dump() for one in found])
    else:
        for one in found:
            _print(one)


async def _list(
    here: Here,
    customer: str | None,
    run_id: str | None,
    provider_id: str | None,
    limit: int,
    *,
    as_json: bool,
) -> None:
    async with here.store() as store:
        found = await archive.listed(
            store, customer_id=customer, run=run_id, provider_id=provider_id, limit=limit
        )
    if as_json:
        show_json([one.model_dump(exclude={"letter"}) for one in found])
        return
    if not found:
        show_line("no message was handed over")
        return
    show_list(
        ("id", "at (UTC)", "customer", "channel", "state", "run", "step", "provider's id", "text"),
        (
            (
                one.id,
                one.at,
                one.customer_id,
                one.channel,
                one.state,
                one.workflow_id,
                one.step,
                one.provider_id,
                one.headline,
            )
            for one in found
        ),
    )


def _write(one: Archived, file: Path) -> None:
    if one.letter is None:
        raise BadInput(f"message {one.id}: {one.headline.strip('()')}, so there is no page of it")
    show_line(str(write_page(one.letter, file)))


def _print(one: Archived) -> None:
    letter = one.letter
    facts = {
        "message": f"{one.id} ({one.message_id})",
        "when": f"{one.at:%Y-%m-%d %H:%M} UTC",
        "state": " ".join(filter(None, (one.state, one.reason))),
        "customer": one.customer_id,
        "to": letter.address if letter else None,
        "from": f"{one.workflow_id}, step {one.step}, by {one.channel}",
        "carried by": " ".join(filter(None, (one.provider, one.provider_id))),
        "reference": one.reference,
        "subject": letter.content.get("subject") if letter else None,
    }
    for name, value in facts.items():
        if value:
            show_line(f"{name:<11} {value}")
    show_line("")
    show_line(
        (letter.content.get("text") or letter.content.get("body") or letter.headline)
        if letter
        else one.headline
    )
