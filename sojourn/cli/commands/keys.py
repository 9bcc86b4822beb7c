"""``sojourn keys``: the write keys with which services send events to the gateway."""

from dataclasses import dataclass
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from sojourn.cli.here import Here
from sojourn.cli.options import AsJson
from sojourn.cli.output import show_json, show_line, show_list
from sojourn.cli.running import run
from sojourn.domain.errors import BadInput, UnknownName
from sojourn.domain.events import Identifier
from sojourn.gateway.tracking.browser import RATE
from sojourn.store import keys
from sojourn.store.tables import WriteKeyRow

app = typer.Typer(
    help="Manage the write keys with which services send events.",
    no_args_is_help=True,
    add_completion=False,
)

_NAME: TypeAdapter[str] = TypeAdapter(Identifier)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="A name for people: shop, billing, ...")],
    *,
    events: Annotated[
        list[str] | None,
        typer.Option(
            "--events",
            help="Calls that it may send: event names, identify, alias; repeat it, or write commas "
            "between. Left out: everything.",
        ),
    ] = None,
    rate: Annotated[int | None, typer.Option(min=1, help="Calls a second at most.")] = None,
    browser: Annotated[
        bool,
        typer.Option(
            "--browser",
            help="A key for web pages, where everybody can read it: it may speak for a known "
            f"customer by a signed user id alone, and send {RATE} calls a second unless --rate "
            "says otherwise.",
        ),
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="It may ask what an event did to runs (?wait=1).")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Create a key. Only this command shows it: the store keeps its digest."""
    names = [part.strip() for given in events or () for part in given.split(",")]
    for text in (name, *names):
        _check(text)
    if browser and wait:
        raise BadInput("--browser and --wait: what runs did is not for everybody; leave one out")
    kind = keys.Kind.BROWSER if browser else keys.Kind.SERVER
    if browser:
        rate = rate or RATE
    made = _Wanted(name, names or None, rate, kind, may_wait=wait)
    run(_add(Here.compose(), made, as_json=as_json))


@app.command("list")
def list_keys(*, as_json: AsJson = False) -> None:
    """List the keys, revoked ones included."""
    run(_list(Here.compose(), as_json=as_json))


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `sojourn keys list` shows it.")],
) -> None:
    """Revoke a key for good. A running gateway refuses it within seconds."""
    run(_revoke(Here.compose(), key_id))


def _check(text: str) -> None:
    try:
        _NAME.validate_python(text)
    except ValidationError:
        raise BadInput(
            f'"{text[:40]}" is not a name: write 1 to 200 characters without control characters'
        ) from None


@dataclass(frozen=True)
class _Wanted:
    """A key to be created."""

    name: str
    events: list[str] | None
    rate: int | None
    kind: keys.Kind
    may_wait: bool


async def _add(here: Here, wanted: _Wanted, *, as_json: bool) -> None:
    async with here.store() as store, store.transaction() as session:
        row, key = await keys.add(
            session,
            wanted.name,
            events=wanted.events,
            rate=wanted.rate,
            kind=wanted.kind,
            may_wait=wanted.may_wait,
        )
    if as_json:
        show_json({**_shown(row), "key": key})
        return
    show_line(key)
    show_line(f"Keep it: it is not shown again. Its id is {row.id}.")


async def _list(here: Here, *, as_json: bool) -> None:
    async with here.store() as store, store.reading() as session:
        found = await keys.listed(session)
    if as_json:
        show_json([_shown(row) for row in found])
    elif not found:
        show_line("no key yet; `sojourn keys add NAME` makes one")
    else:
        show_list(
            ["id", "name", "kind", "events", "rate", "wait", "made (UTC)", "revoked (UTC)"],
            (
                [
                    row.id,
                    row.name,
                    row.kind,
                    "all" if row.events is None else ", ".join(row.events),
                    row.rate,
                    "yes" if row.may_wait else "no",
                    row.created_at,
                    row.revoked_at,
                ]
                for row in found
            ),
        )


async def _revoke(here: Here, key_id: str) -> None:
    async with here.store() as store, store.transaction() as session:
        row = await keys.revoke(session, key_id)
        known = [] if row is not None else [one.id for one in await keys.listed(session)]
    if row is None:
        raise UnknownName("key", key_id, known, hint="`sojourn keys list` shows them")
    show_line(f"{row.id} ({row.name}) is revoked")


def _shown(row: WriteKeyRow) -> dict[str, object]:
    return row.model_dump(exclude={"digest"})
