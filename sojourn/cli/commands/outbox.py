"""``sojourn outbox``: the messages that went out, as their readers see them."""

import webbrowser
from typing import Annotated

import typer

from sojourn.cli.here import Here
from sojourn.cli.options import Limit
from sojourn.cli.output import show_json, show_line, show_list, stderr
from sojourn.cli.running import run
from sojourn.domain.errors import BadInput
from sojourn.insight import letters
from sojourn.insight.letters import Letter
from sojourn.settings import Settings

app = typer.Typer(add_completion=False)


@app.command()
def outbox(
    customer: Annotated[
        str | None, typer.Argument(metavar="CUSTOMER", help="Only to this customer.")
    ] = None,
    limit: Limit = 20,
    number: Annotated[
        int | None, typer.Option("--id", help="Show the whole text of this message.")
    ] = None,
    open_it: Annotated[
        bool, typer.Option("--open", help="Show the newest, or the one of --id, in a browser.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs; full text.")] = False,
) -> None:
    """List the messages that went out, newest first; show one as its reader sees it."""
    run(_outbox(Here.compose(), customer, limit, number, open_it=open_it, as_json=as_json))


async def _outbox(
    here: Here,
    customer: str | None,
    limit: int,
    number: int | None,
    *,
    open_it: bool,
    as_json: bool,
) -> None:
    async with here.store() as store:
        if number is not None:
            found = [await letters.numbered(store, number, customer)]
        else:
            found = await letters.newest(store, customer, 1 if open_it else limit)
    if open_it:
        if not found:
            raise BadInput("there is no message to open yet: `sojourn explain CUSTOMER` says why")
        _open(found[0], here.settings, as_json=as_json)
    elif as_json:
        show_json([letter.model_dump() for letter in found])
    elif number is not None:
        _show(found[0])
    else:
        _list(found, customer, limit)


def _open(letter: Letter, settings: Settings, *, as_json: bool) -> None:
    path = letter.write(letters.folder(settings))
    if as_json:
        show_json({**letter.model_dump(), "file": str(path)})
    else:
        show_line(str(path))
    if not webbrowser.open(path.as_uri()):
        stderr.print("no browser here: open the file yourself", highlight=False)


def _list(found: list[Letter], customer: str | None, limit: int) -> None:
    if not found:
        show_line(f"no message went out{f' to {customer}' if customer else ''} yet")
        return
    show_list(
        (
            "id",
            "sent (UTC)",
            "customer",
            "channel",
            "length",
            "to",
            "journey/step",
            "subject or text",
        ),
        (
            (
                letter.id,
                letter.at,
                letter.customer_id,
                letter.channel,
                letter.length,
                letter.address,
                f"{letter.journey}/{letter.step}",
                letter.headline,
            )
            for letter in found
        ),
    )
    if len(found) == limit:
        show_line(f"the newest {limit}; --limit lists more")


def _show(letter: Letter) -> None:
    content = letter.content
    facts = {
        "message": letter.id,
        "when": f"{letter.at:%Y-%m-%d %H:%M} UTC",
        "to": f"{letter.address} ({letter.channel}), customer {letter.customer_id}",
        "from": f"{letter.workflow_id}, step {letter.step}",
        "carried by": " ".join(filter(None, (letter.provider, letter.provider_id))),
        "subject": content.get("subject") or content.get("title"),
        "link": content.get("url"),
        "image": content.get("image"),
        "files": letter.files,
        "approved": letter.approved,
        "length": letter.length,
    }
    lines = [f"{name:<11} {value}" for name, value in facts.items() if value]
    if letter.possible_duplicate:
        lines.append("a first copy may have arrived before: the provider's answer to it was lost")
    lines += ["", content.get("text") or content.get("body") or ""]
    show_line("\n".join(lines))
